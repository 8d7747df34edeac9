-- Purpose: balance date and final due date of each transaction (specification, sections 7.2 and 7.3 step 6).
-- Grain:   one row per transaction that has balances with a status that starts with DUE.
-- Sources: base_data_due_balances, base_data_original_due_dates.

drop table if exists report_oibl.base_data_balance_date;
create unlogged table report_oibl.base_data_balance_date as
with original as (
    -- A transaction with several rows has equal dates; the earliest otherwise (section 17).
    select
        transactionid,
        min(due_date) as due_date
    from report_oibl.base_data_original_due_dates
    group by transactionid
)

select
    balance.transactionid,
    balance.balance_date,
    -- Step 6: the original due date replaces the balances' own wherever the transaction has one, also by none.
    case when original.transactionid is not null then original.due_date else balance.due_date end as due_date
from report_oibl.base_data_due_balances as balance
left join original on balance.transactionid = original.transactionid;

analyze report_oibl.base_data_balance_date;
