-- Purpose: the day on which an overpayment was used up, paid back or lost its reason (specification, section 11).
-- Grain:   one row per transaction: its latest day.
-- Sources: base_data_noted_charges; datalake_vault.billing_account_balance, payment_request, payment_item.
--
-- Glids are meant exactly here. The overpayments are a small set, taken out first; each step towards the pairs is a
-- small analysed table, because a planner that expects one row would compare every row with every other.

create temporary table overpayment on commit drop as
select
    ouid,
    transactionid,
    billingaccountouid,
    taxincludedamount,
    created_on,
    is_overpayment_credit as is_credit,
    is_overpayment_used as is_used,
    is_overpayment_credit_rejected as is_credit_rejected,
    is_overpayment_refund_cancel as is_refund_cancel,
    rejected_transactionid
from report_oibl.base_data_noted_charges
where
    is_overpayment_credit
    or is_overpayment_used
    or is_overpayment_credit_rejected
    or is_overpayment_refund_cancel;

analyze overpayment;

-- Requests and what they pay, of the transactions with overpayments only.
create temporary table overpayment_request on commit drop as
select
    ouid,
    transactionid,
    status,
    (datelastchangestatus at time zone 'Europe/Berlin')::date as changed_on
from datalake_vault.payment_request
where transactionid in (select overpayment.transactionid from overpayment);

analyze overpayment_request;

-- Pairs of rule 6: a used charge pays, through a payment item, a cancelled balance that a credit charge stands for.
create temporary table overpayment_item on commit drop as
select distinct
    used.ouid as used_ouid,
    used.transactionid as used_transactionid,
    used.created_on as used_on,
    used.billingaccountouid,
    item.referredouid as balance_ouid,
    item.amount
from overpayment as used
inner join overpayment_request as request on used.transactionid = request.transactionid
inner join datalake_vault.payment_item as item on request.ouid = item.paymentouid
where used.is_used and item.referredtype = 'CANCELLED_BALANCE';

analyze overpayment_item;

create temporary table overpayment_balance on commit drop as
select
    item.used_ouid,
    item.used_transactionid,
    item.used_on,
    item.billingaccountouid,
    balance.transactionid,
    balance.amount
from overpayment_item as item
inner join datalake_vault.billing_account_balance as balance
    on item.balance_ouid = balance.ouid and item.amount = balance.amount;

analyze overpayment_balance;

create temporary table overpayment_pair on commit drop as
select distinct
    paid.used_ouid,
    paid.used_transactionid,
    paid.used_on,
    credit.ouid as credit_ouid,
    credit.transactionid as credit_transactionid
from overpayment_balance as paid
inner join overpayment as credit
    on
        paid.transactionid = credit.transactionid
        and paid.billingaccountouid = credit.billingaccountouid
        and paid.amount = credit.taxincludedamount
where credit.is_credit;

analyze overpayment_pair;

drop table if exists report_oibl.data_overpayment_balance_dates;
create unlogged table report_oibl.data_overpayment_balance_dates as
with numbered_pair as (
    -- Numbered from both sides; distinct pairs, then the charge's number, so that the numbers are certain (section 17).
    select
        overpayment_pair.*,
        row_number() over (
            partition by credit_ouid
            order by used_transactionid collate "C", used_ouid
        ) as number_of_credit,
        row_number() over (
            partition by used_ouid
            order by credit_transactionid collate "C", credit_ouid
        ) as number_of_used
    from overpayment_pair
),

reason as (
    -- 1. Used up within the transaction: no more credit than was used.
    select
        transactionid,
        case
            when
                sum(taxincludedamount) filter (where is_credit) <= sum(taxincludedamount) filter (where is_used)
                then max(created_on) filter (where is_used)
        end as fully_used_at
    from overpayment
    where is_credit or is_used
    group by transactionid
    union all
    -- 2. Credit rejected: for the transaction that it takes back.
    select
        rejected_transactionid,
        created_on
    from overpayment
    where is_credit_rejected and rejected_transactionid is not null
    union all
    -- 3. Refund cancelled: for the transaction of the payment that referred to the refund's balance.
    select
        request.transactionid,
        refund.created_on
    from overpayment as refund
    inner join datalake_vault.billing_account_balance as balance on refund.transactionid = balance.transactionid
    inner join datalake_vault.payment_item as item on balance.ouid = item.referredouid
    inner join datalake_vault.payment_request as request on item.paymentouid = request.ouid
    where refund.is_refund_cancel
    union all
    -- 4. Payment rejected; its day may be missing.
    select
        overpayment.transactionid,
        request.changed_on
    from overpayment
    inner join overpayment_request as request on overpayment.transactionid = request.transactionid
    where (overpayment.is_credit or overpayment.is_used) and request.status = 'REJECTED'
    union all
    -- 5. Payment cancelled although the balance is paid.
    select
        overpayment.transactionid,
        request.changed_on
    from overpayment
    inner join overpayment_request as request on overpayment.transactionid = request.transactionid
    where
        overpayment.is_credit
        and request.status = 'CANCELLED'
        and exists (
            select 1
            from datalake_vault.billing_account_balance as balance
            where balance.transactionid = overpayment.transactionid and balance.status = 'PAID'
        )
    union all
    -- 6. Used through another transaction: for both transactions, where both numbers of the pair are equal.
    select
        side.transactionid,
        pair.used_on
    from numbered_pair as pair
    cross join lateral (values (pair.used_transactionid), (pair.credit_transactionid)) as side (transactionid)
    where pair.number_of_credit = pair.number_of_used
)

-- The latest day counts; no day loses against any.
select
    max(fully_used_at) as fully_used_at,
    transactionid
from reason
where transactionid is not null
group by transactionid;

analyze report_oibl.data_overpayment_balance_dates;
