-- fail: the tables of the ledger and of the usage exist and may be read
-- Purpose: the run's start applies the migrations in schema/ledger and schema/usage (specification, sections 20, 22).
-- Grain: one row per table that is missing or not readable.
-- Sources: the catalog only.
with expected (relation) as (
    values
    ('ledger.currency'), ('ledger.account'), ('ledger.transaction'), ('ledger.entry'), ('ledger.closed_month'),
    ('usage_vault.tier'), ('usage_vault.customer'), ('usage_vault.organization'), ('usage_vault.space'),
    ('usage_vault.meter'), ('usage_vault.resource_kind'), ('usage_vault.resource'), ('usage_vault.reading'),
    ('usage_vault.measurement'), ('usage_vault.price'), ('usage_vault.agreement')
)

select
    expected.relation,
    case
        when to_regclass(expected.relation) is null then 'table does not exist'
        else 'no select privilege for ' || current_user
    end as reason
from expected
where
    to_regclass(expected.relation) is null
    or not has_table_privilege(to_regclass(expected.relation)::oid, 'select')
    or not has_schema_privilege(split_part(expected.relation, '.', 1), 'usage')
order by expected.relation
