-- Purpose: balances of the ledger, exact at any moment, also while others post; where late postings go.
-- Grain:   account_balance: account and currency with entries; trial_balance: the same and business day;
--          first_open_day: closed month.
-- Sources: ledger.account_total, ledger.account, ledger.closed_month.

-- balance is on the account's normal side; base_balance too, null where no entry has a base amount.
create view ledger.account_balance as
select
    account.owner,
    account.code,
    total.currency,
    sum(total.debit) as debit,
    sum(total.credit) as credit,
    case account.normal_side
        when 'debit' then sum(total.debit) - sum(total.credit)
        else sum(total.credit) - sum(total.debit)
    end as balance,
    case account.normal_side
        when 'debit' then 1
        else -1
    end * case
        when count(total.base_debit) + count(total.base_credit) > 0
            then coalesce(sum(total.base_debit), 0) - coalesce(sum(total.base_credit), 0)
    end as base_balance
from ledger.account_total as total
inner join ledger.account on total.account_id = account.account_id
group by account.account_id, total.currency;

-- balance is debit minus credit: it adds up to zero for each day and currency, base_balance for each day.
create view ledger.trial_balance as
select
    total.business_date,
    account.owner,
    account.code,
    total.currency,
    sum(total.debit) as debit,
    sum(total.credit) as credit,
    sum(total.debit) - sum(total.credit) as balance,
    case
        when count(total.base_debit) + count(total.base_credit) > 0
            then coalesce(sum(total.base_debit), 0) - coalesce(sum(total.base_credit), 0)
    end as base_balance
from ledger.account_total as total
inner join ledger.account on total.account_id = account.account_id
group by total.business_date, account.account_id, total.currency;

-- A closed month takes nothing: what is late goes into the first open one after it. open_day is that month's first day.
create view ledger.first_open_day as
with closed as (
    select
        month,
        (month - row_number() over (order by month) * interval '1 month') as run
    from ledger.closed_month
)

select
    month,
    (max(month) over (partition by run) + interval '1 month')::date as open_day
from closed;
