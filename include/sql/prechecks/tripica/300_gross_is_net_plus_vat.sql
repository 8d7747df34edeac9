-- warn: a charge's gross amount is its net amount and its VAT
-- Purpose: source check P10: the booking rules derive debit and credit from net, gross and VAT independently; where
--     they do not add up, the aggregate will not balance. Energy tax is part of net.
-- Grain: one row per charge.
with vat as (
    select
        appliedbillingchargeouid,
        sum(amount) as amount
    from datalake_vault.applied_billing_tax_rate
    where taxcategory = 'VAT'
    group by appliedbillingchargeouid
)

select
    applied_billing_charge.ouid as charge,
    applied_billing_charge.glid,
    applied_billing_charge.taxincludedamount - applied_billing_charge.taxexcludedamount - vat.amount as cents_apart
from datalake_vault.applied_billing_charge
inner join vat on applied_billing_charge.ouid = vat.appliedbillingchargeouid
where applied_billing_charge.taxincludedamount <> applied_billing_charge.taxexcludedamount + vat.amount
order by charge
