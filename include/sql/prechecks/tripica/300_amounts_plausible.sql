-- warn: amounts of charges, tax rows and balances are present, possible and have their usual sign
-- Purpose: source check P10: a null amount is an empty amount in the list; credits and bonuses are stored positive and
--     flipped by the report; ten million euros on one charge are rather cents of cents.
-- Grain: one row per charge, tax row or balance and reason.
select
    'charge' as what,
    ouid,
    case
        when taxincludedamount is null or taxexcludedamount is null then 'amount is missing'
        when greatest(abs(taxincludedamount), abs(taxexcludedamount)) > 1000000000 then 'above 10,000,000 euros'
        else 'credit or bonus below 0'
    end as reason
from datalake_vault.applied_billing_charge
where
    taxincludedamount is null
    or taxexcludedamount is null
    or greatest(abs(taxincludedamount), abs(taxexcludedamount)) > 1000000000
    -- "Credit-like glid" (section 2).
    or taxincludedamount < 0 and (glid like 'OVERPAYMENT_CREDIT' or glid like '%_MANUAL_BONUS')

union all

select
    'tax row' as what,
    ouid,
    'amount is missing' as reason
from datalake_vault.applied_billing_tax_rate
where amount is null and taxcategory in ('VAT', 'electricityTax', 'gasTax')

union all

select
    'balance' as what,
    ouid,
    case when amount is null then 'amount is missing' else 'above 10,000,000 euros' end as reason
from datalake_vault.billing_account_balance
where amount is null or abs(amount) > 1000000000
order by what, ouid
