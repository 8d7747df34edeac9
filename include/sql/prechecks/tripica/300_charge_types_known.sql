-- warn: every charge has a type (glid) of a known family
-- Purpose: source check P8: a new type is no open item until the due charge types (section 5.1) name it, so somebody
--     has to decide what it is. Types with a transaction that is due come first: they look like claims.
-- Grain: one row per unknown type. Underscores are meant literally here, other than in the due charge types.
with charge_type as (
    select
        glid,
        count(*) as charges,
        count(distinct transactionid) filter (
            where transactionid in (
                select transactionid from datalake_vault.billing_account_balance
                where status like 'DUE%'
            )
        ) as due_transactions
    from datalake_vault.applied_billing_charge
    group by glid
)

select
    coalesce(glid, '(none)') as glid,
    charges,
    due_transactions
from charge_type
where
    glid is null
    or not glid like any(
        array[
            -- Due charge types (5.1).
            'BANK\_FEE', 'DUNNING\_FEE', '%\_ABSCHLAG', '%\_BILL', '%\_BILL\_MIGRATION', '%\_CANCELLATION\_BALANCE',
            '%\_CANCELLATION\_BALANCE\_WRITE\_OFF', '%\_MANUAL\_BILL', '%\_MANUAL\_BONUS', 'OVERPAYMENT\_CREDIT',
            'OVERPAYMENT\_REFUND', 'OVERPAYMENT\_USED', 'METER\_BLOCKING\_%', 'METER\_UNBLOCKING\_%', 'EPILOT\_%',
            -- Deliberately not due (5.1), and what other rules look for (7 to 14).
            '%\_REJECTED', 'BANK\_FEE\_RETURN', '%\_FEE\_MIGRATION', '%\_MANUAL\_BONUS\_REFUND',
            '%\_MANUAL\_BONUS\_CANCELLATION', 'PAYMENT\_TRANSACTION', '%\_BILL\_CANCEL', 'OVERPAYMENT\_REFUND\_CANCEL',
            '%\_CONSUMPTION', '%\_SUBSCRIPTION\_%', '%\_DISCOUNT', '%\_DISCOUNT\_%'
        ]
    )
order by due_transactions desc, glid asc
