-- Purpose: the due date of each transaction; a charge that was raised again after a rejection keeps the due date of
--          the first one (specification, section 7.3), and the dates of the balances with it (section 7.2).
-- Grain:   base_data_original_due_dates: one row per transaction and way to its date: the transaction's own charges,
--          and each row of a transaction that it replaces. base_data_balance_date: one row per transaction that has
--          balances with a status that starts with DUE.
-- Sources: datalake_vault.payment_request; base_data_charges_with_kind, base_data_due_balances,
--          base_data_noted_charges.

drop table if exists report_oibl.base_data_original_due_dates;
create unlogged table report_oibl.base_data_original_due_dates as
-- Step 1, originals: the due date of the transaction's balances, else the latest creation day of its charges that
-- replace no other.
with original as (
    select
        transactionid,
        max(datetimecreate) as created_at
    from report_oibl.base_data_charges_with_kind
    where transactionid is not null and rejected_transactionid is null
    group by transactionid
)

select
    'original'::text as src,
    original.transactionid,
    coalesce(balance.due_date, (original.created_at at time zone 'Europe/Berlin')::date) as due_date
from original
left join report_oibl.base_data_due_balances as balance on original.transactionid = balance.transactionid;

analyze report_oibl.base_data_original_due_dates;

create temporary table open_rejection on commit drop as
select distinct
    transactionid,
    rejected_transactionid
from report_oibl.base_data_noted_charges
where rejected_transactionid is not null and transactionid is not null;

analyze open_rejection;

do $$
begin
    -- Step 2, rejections: each pass reaches one rejection further. Six passes: deeper chains, cycles and unknown
    -- originals are never resolved (oddity D5, kept). A transaction is resolved once, with all its pairs.
    for pass in 1..6 loop
        with resolved as (
            insert into report_oibl.base_data_original_due_dates (src, transactionid, due_date)
            select
                'rejection',
                rejection.transactionid,
                replaced.due_date
            from open_rejection as rejection
            inner join report_oibl.base_data_original_due_dates as replaced
                on rejection.rejected_transactionid = replaced.transactionid
            returning transactionid
        )

        delete from open_rejection as rejection
        using resolved
        where rejection.transactionid = resolved.transactionid;

        exit when not exists (select 1 from open_rejection);
    end loop;
end
$$;

-- Step 3, manual consumption: due on the day of the first payment request, also if no request has a day (oddity D7,
-- kept: the due date is cleared).
update report_oibl.base_data_original_due_dates as due
set due_date = request.first_day
from (
    select
        payment_request.transactionid,
        (min(payment_request.daterequest) at time zone 'Europe/Berlin')::date as first_day
    from datalake_vault.payment_request as payment_request
    where
        payment_request.transactionid in (
            select noted.transactionid
            from report_oibl.base_data_noted_charges as noted
            where noted.is_manual_consumption
        )
    group by payment_request.transactionid
) as request
where due.transactionid = request.transactionid;

-- Step 4, partially paid: a charge for the rest keeps the date of its parent transaction; one level, all parents as
-- they were before. Of several parents the earliest date (section 17).
update report_oibl.base_data_original_due_dates as due
set due_date = parent.due_date
from (
    select
        noted.transactionid,
        min(before.due_date) as due_date
    from report_oibl.base_data_noted_charges as noted
    inner join report_oibl.base_data_original_due_dates as before
        on noted.partially_paid_transactionid = before.transactionid
    group by noted.transactionid
) as parent
where due.transactionid = parent.transactionid;

-- Step 5, rejections again: what steps 3 and 4 changed reaches direct rejections, one level (oddity D5, kept). Of
-- several parents the earliest date (section 17).
update report_oibl.base_data_original_due_dates as due
set due_date = parent.due_date
from (
    select
        noted.transactionid,
        min(before.due_date) as due_date
    from report_oibl.base_data_noted_charges as noted
    inner join report_oibl.base_data_original_due_dates as before
        on noted.rejected_transactionid = before.transactionid
    group by noted.transactionid
) as parent
where due.transactionid = parent.transactionid;

analyze report_oibl.base_data_original_due_dates;

-- Step 6: the original due date replaces the balances' own wherever the transaction has one, also by none.
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
    case when original.transactionid is not null then original.due_date else balance.due_date end as due_date
from report_oibl.base_data_due_balances as balance
left join original on balance.transactionid = original.transactionid;

analyze report_oibl.base_data_balance_date;
