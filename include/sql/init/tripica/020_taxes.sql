-- Purpose: VAT and energy tax of each charge (specification, section 10.3).
-- Grain:   one row per charge that has a tax row of one of the three categories; amounts in euros.
-- Sources: datalake_vault.applied_billing_tax_rate.

drop table if exists report_oibl.base_data_taxes;
create unlogged table report_oibl.base_data_taxes as
select
    appliedbillingchargeouid,
    -- No row of a kind: null, not zero.
    (sum(amount) filter (where taxcategory = 'VAT') * 0.01)::numeric(20, 2) as taxamount,
    (sum(amount) filter (where taxcategory in ('gasTax', 'electricityTax')) * 0.01)::numeric(20, 2) as energytaxamount,
    count(*) filter (where taxcategory = 'VAT') as vat_rows
from datalake_vault.applied_billing_tax_rate
where taxcategory in ('VAT', 'gasTax', 'electricityTax') and appliedbillingchargeouid is not null
group by appliedbillingchargeouid;

analyze report_oibl.base_data_taxes;
