-- fail: the tables of the ledger and of the orders exist and may be read
-- Purpose: the run's start applies the migrations in schema/ledger and schema/orders (specification, sections 20, 21).
-- Grain: one row per table that is missing or not readable.
-- Sources: the catalog only.
with expected (relation) as (
    values
    ('ledger.currency'), ('ledger.account'), ('ledger.transaction'), ('ledger.entry'), ('ledger.closed_month'),
    ('ledger.account_total'), ('orders_vault.order_event'), ('orders_vault.pending_event'),
    ('orders_vault.rejected_event'), ('orders_vault.consumed_offset'), ('billing.invoices'), ('billing.invoice_lines'),
    ('billing.outbox'), ('billing.waiting_event'), ('billing.invoice_counter'), ('billing.tax_rate'),
    ('billing.fx_rate')
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
