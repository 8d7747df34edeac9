-- fail: the tables and columns of Tripica and payment allocation exist with compatible types and may be read
-- Purpose: source check P1: tables and columns with types that the rules can work with, readable for this role.
--     Instants carry a zone: the rules shift them to the Berlin day. A bill number is text.
-- Grain: one row per schema, table or column that is missing, not readable or of another type.
-- Sources: the catalog only, so that the check works when a whole schema is missing.
with expected (relation, columns) as (
    values
    ('datalake_vault.billing_account', 'ouid bigint, name text, customerouid bigint, characteristics jsonb'),
    ('datalake_vault.billing_account_relationship', 'billingaccountouid bigint, targetbillingaccountouid bigint'),
    ('datalake_vault.login', 'ouid bigint, customerouid bigint, externalid text'),
    (
        'datalake_vault.applied_billing_charge',
        'ouid bigint, datetimecreate timestamptz, datetimelastmodif timestamptz, customerouid bigint'
        || ', billingaccountouid bigint, settlementnoteadviceouid bigint, transactionid text, glid text'
        || ', analyticaxis text, productname text, startdatetime timestamptz, enddatetime timestamptz'
        || ', taxexcludedamount bigint, taxincludedamount bigint, aggregateid text, accountingid text'
        || ', characteristics jsonb'
    ),
    (
        'datalake_vault.applied_billing_tax_rate',
        'ouid bigint, appliedbillingchargeouid bigint, taxcategory text, taxrate numeric, amount bigint'
    ),
    (
        'datalake_vault.billing_account_balance',
        'ouid bigint, datetimecreate timestamptz, datetimelastmodif timestamptz'
        || ', billingaccountouid bigint, transactionid text, status text, amount bigint'
        || ', startdatetime timestamptz, letteringdate timestamptz, aggregateid text, accountingid text'
    ),
    (
        'datalake_vault.payment_request',
        'ouid bigint, transactionid text, status text, daterequest timestamptz'
        || ', datelastchangestatus timestamptz, bpmeventname text, datetimelastmodif timestamptz'
    ),
    ('datalake_vault.payment_item', 'paymentouid bigint, referredouid bigint, referredtype text, amount bigint'),
    (
        'datalake_vault.settlement_note_advice',
        'ouid bigint, id text, datetimecreate timestamptz, paymentduedate timestamptz'
    ),
    (
        'datalake_vault.product',
        'ouid bigint, name text, billingaccountouid bigint, orderdate timestamptz'
        || ', startdatetime timestamptz, enddatetime timestamptz, characteristics jsonb'
    ),
    ('datalake_vault.order_item', 'product_ouid bigint, productorderouid bigint'),
    ('datalake_vault.product_order', 'ouid bigint, state text'),
    ('datalake_vault.note', 'productorderouid bigint, text text'),
    ('datalake_vault.charge_aggregate', 'ouid bigint, aggregateid text'),
    (
        'datalake_vault.tax_aggregate',
        'ouid bigint, chargeaggregateouid bigint, taxcategory text, taxrate numeric, amount bigint'
    ),
    ('paymentallocation_vault.bookings', 'id uuid, payment_id uuid, payment_state_id uuid, sap_id text'),
    ('paymentallocation_vault.payments', 'id uuid, amount numeric'),
    ('paymentallocation_vault.payment_states', 'id uuid, payment_status label')
),

type_family (expected_type, type_names) as (
    values
    ('bigint', '{int2,int4,int8}'::name[]),
    ('numeric', '{numeric,int2,int4,int8}'),
    ('text', '{text,varchar,bpchar}'),
    ('label', '{text,varchar,bpchar}'),
    ('timestamptz', '{timestamptz}'),
    ('timestamp', '{timestamp}'),
    ('date', '{date}'),
    ('boolean', '{bool}'),
    ('jsonb', '{jsonb}'),
    ('uuid', '{uuid}')
),

expected_column as (
    select
        expected.relation,
        split_part(expected.relation, '.', 1) as schema_name,
        split_part(expected.relation, '.', 2) as table_name,
        split_part(listed.column_and_type, ' ', 1) as column_name,
        split_part(listed.column_and_type, ' ', 2) as expected_type
    from expected
    cross join unnest(string_to_array(expected.columns, ', ')) as listed (column_and_type)
),

compared as (
    select
        expected_column.*,
        pg_namespace.oid as schema_oid,
        pg_class.oid as table_oid,
        pg_attribute.attnum,
        format_type(pg_attribute.atttypid, pg_attribute.atttypmod) as found_type,
        pg_type.typname = any(type_family.type_names)
        -- A label may also be an enumeration.
        or expected_column.expected_type = 'label' and pg_type.typtype = 'e' as compatible
    from expected_column
    inner join type_family using (expected_type)
    left join pg_namespace on expected_column.schema_name = pg_namespace.nspname
    left join pg_class
        on
            pg_namespace.oid = pg_class.relnamespace
            and expected_column.table_name = pg_class.relname
            and pg_class.relkind in ('r', 'v', 'm', 'p', 'f')
    left join pg_attribute
        on
            pg_class.oid = pg_attribute.attrelid
            and expected_column.column_name = pg_attribute.attname
            and not pg_attribute.attisdropped
            and pg_attribute.attnum > 0
    left join pg_type on pg_attribute.atttypid = pg_type.oid
)

select distinct
    case
        when schema_oid is null or not has_schema_privilege(schema_oid, 'usage') then schema_name
        when table_oid is null then relation
        else relation || '.' || column_name
    end as source,
    case
        when schema_oid is null then 'schema does not exist'
        when not has_schema_privilege(schema_oid, 'usage') then 'no usage privilege on the schema for ' || current_user
        when table_oid is null then 'table does not exist'
        when attnum is null then 'column does not exist; expected: ' || expected_type
        when not has_column_privilege(table_oid, attnum, 'select') then 'no select privilege for ' || current_user
        else 'type is ' || found_type || '; expected: ' || expected_type
    end as reason
from compared
where
    attnum is null
    or not has_schema_privilege(schema_oid, 'usage')
    or not has_column_privilege(table_oid, attnum, 'select')
    or not compatible
order by source
