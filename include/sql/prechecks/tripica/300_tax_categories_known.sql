-- warn: every tax row is VAT, electricity tax or gas tax
-- Purpose: source check P8: rows of another category are ignored; a charge with only such rows is not in the list.
-- Grain: one row per unknown category.
select
    coalesce(taxcategory, '(none)') as taxcategory,
    count(*) as tax_rows,
    count(distinct appliedbillingchargeouid) as charges
from datalake_vault.applied_billing_tax_rate
where taxcategory is null or taxcategory not in ('VAT', 'electricityTax', 'gasTax')
group by taxcategory
order by taxcategory
