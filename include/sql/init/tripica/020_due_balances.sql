-- Purpose: what the balances of a transaction say about when it fell due and when it was settled, before rejections
--          and partial payments are followed (specification, section 7.2).
-- Grain:   one row per transaction that has balances with a status that starts with DUE.
-- Sources: datalake_vault.billing_account_balance.

drop table if exists report_oibl.base_data_due_balances;
create unlogged table report_oibl.base_data_due_balances as
select
    transactionid,
    -- Balance date: a lettering date of one balance beats later modification dates of the others.
    (
        coalesce(
            max(letteringdate),
            max(datetimelastmodif) filter (where status in ('DUE_LETTERED', 'DUE_CANCELLED'))
        ) at time zone 'Europe/Berlin'
    )::date as balance_date,
    -- Due date: latest Berlin day of the start.
    (max(startdatetime) at time zone 'Europe/Berlin')::date as due_date,
    -- Balances of one transaction in different states: see charge-specific balance dates (section 7.4).
    min(status) <> max(status) as has_split_status
from datalake_vault.billing_account_balance
where status like 'DUE%' and transactionid is not null
group by transactionid;

analyze report_oibl.base_data_due_balances;
