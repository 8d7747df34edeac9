-- warn: a partly paid charge has one parent transaction, which is not partly paid itself
-- Purpose: source check P12, defect D5: the parent's due date is handed down one level only; with two parents the
--     earliest is taken (section 17); without a known parent nothing is.
-- Grain: one row per transaction and reason.
with child as (
    select distinct
        transactionid,
        characteristics ->> 'partiallyPaidChargeTransactionId' as parent
    from datalake_vault.applied_billing_charge
    where characteristics ->> 'partiallyPaidChargeTransactionId' is not null
)

select
    transactionid,
    'several parents' as reason
from child
group by transactionid
having count(*) > 1

union all

select distinct
    child.transactionid,
    'the parent is partly paid itself' as reason
from child
inner join child as grandparent on child.parent = grandparent.transactionid

union all

select distinct
    child.transactionid,
    'the parent is unknown' as reason
from child
where
    not exists (
        select from datalake_vault.applied_billing_charge
        where child.parent = applied_billing_charge.transactionid
    )
order by transactionid, reason
