-- warn: charges, balances, taxes, orders and payments have the rows that they point to
-- Purpose: source check P6: a missing account or login leaves columns of the list empty, a missing charge, aggregate,
--     payment or state takes its rows out of the list.
-- Grain: one row per kind of link, with the number of rows without their partner and one of them.
select
    link,
    count(*) as orphans,
    min(key) as example
from (
    select
        'charge without account' as link,
        applied_billing_charge.ouid::text as key
    from datalake_vault.applied_billing_charge
    where
        not exists (
            select from datalake_vault.billing_account
            where applied_billing_charge.billingaccountouid = billing_account.ouid
        )

    union all

    select
        'charge without its bill' as link,
        applied_billing_charge.ouid::text as key
    from datalake_vault.applied_billing_charge
    where
        applied_billing_charge.settlementnoteadviceouid is not null
        and not exists (
            select from datalake_vault.settlement_note_advice
            where applied_billing_charge.settlementnoteadviceouid = settlement_note_advice.ouid
        )

    union all

    select
        'tax row without charge' as link,
        applied_billing_tax_rate.ouid::text as key
    from datalake_vault.applied_billing_tax_rate
    where
        not exists (
            select from datalake_vault.applied_billing_charge
            where applied_billing_tax_rate.appliedbillingchargeouid = applied_billing_charge.ouid
        )

    union all

    select
        'tax aggregate without charge aggregate' as link,
        tax_aggregate.ouid::text as key
    from datalake_vault.tax_aggregate
    where
        not exists (
            select from datalake_vault.charge_aggregate
            where tax_aggregate.chargeaggregateouid = charge_aggregate.ouid
        )

    union all

    select
        'balance without account' as link,
        billing_account_balance.ouid::text as key
    from datalake_vault.billing_account_balance
    where
        not exists (
            select from datalake_vault.billing_account
            where billing_account_balance.billingaccountouid = billing_account.ouid
        )

    union all

    select
        'relationship without contract account' as link,
        billing_account_relationship.billingaccountouid::text as key
    from datalake_vault.billing_account_relationship
    where
        not exists (
            select from datalake_vault.billing_account
            where billing_account_relationship.billingaccountouid = billing_account.ouid
        )

    union all

    select
        'relationship without master account' as link,
        billing_account_relationship.targetbillingaccountouid::text as key
    from datalake_vault.billing_account_relationship
    where
        not exists (
            select from datalake_vault.billing_account
            where billing_account_relationship.targetbillingaccountouid = billing_account.ouid
        )

    union all

    select
        'order item without order' as link,
        order_item.product_ouid::text as key
    from datalake_vault.order_item
    where
        not exists (
            select from datalake_vault.product_order
            where order_item.productorderouid = product_order.ouid
        )

    union all

    select
        'payment booking without payment' as link,
        bookings.id::text as key
    from paymentallocation_vault.bookings
    where
        not exists (
            select from paymentallocation_vault.payments
            where bookings.payment_id = payments.id
        )

    union all

    select
        'payment booking without state' as link,
        bookings.id::text as key
    from paymentallocation_vault.bookings
    where
        not exists (
            select from paymentallocation_vault.payment_states
            where bookings.payment_state_id = payment_states.id
        )
) as orphan
group by link
order by link
