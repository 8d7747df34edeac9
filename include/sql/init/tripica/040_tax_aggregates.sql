-- Purpose: which tax row of a charge went into which tax aggregate, and the aggregate's sign (specification, sections
--          10.5 and 10.6).
-- Grain:   one row per tax row, charge and tax aggregate; tax rows without amount are kept for the VAT links only.
-- Sources: datalake_vault.charge_aggregate, tax_aggregate, applied_billing_charge, applied_billing_tax_rate.

drop table if exists report_oibl.tax_amounts_per_tax_aggregate;
create unlogged table report_oibl.tax_amounts_per_tax_aggregate as
select
    tax.ouid as tax_ouid,
    charge.ouid as charge_ouid,
    tax_aggregate.ouid as tax_aggregate_ouid,
    tax.taxrate,
    tax.taxcategory,
    (tax.amount * 0.01)::numeric(20, 2) as taxamount,
    (tax_aggregate.amount * 0.01)::numeric(20, 2) as tax_aggregate_amount,
    -- Sign of the tax aggregate: a zero or missing amount gives 0.
    coalesce(sign(tax_aggregate.amount::numeric), 0)::integer as tax_total_sign_via_tax_aggregate
from datalake_vault.charge_aggregate as charge_aggregate
inner join datalake_vault.tax_aggregate as tax_aggregate on charge_aggregate.ouid = tax_aggregate.chargeaggregateouid
inner join datalake_vault.applied_billing_charge as charge on charge_aggregate.aggregateid = charge.aggregateid
inner join datalake_vault.applied_billing_tax_rate as tax
    on
        charge.ouid = tax.appliedbillingchargeouid
        -- Same category and equal rate.
        and tax_aggregate.taxcategory = tax.taxcategory
        and tax_aggregate.taxrate = tax.taxrate
where tax.taxcategory in ('VAT', 'gasTax', 'electricityTax');

analyze report_oibl.tax_amounts_per_tax_aggregate;

-- VAT links (section 10.6): the tax aggregates that a charge's VAT went into, also by tax rows without amount. One row
-- per charge.
drop table if exists report_oibl.base_data_vat_links;
create unlogged table report_oibl.base_data_vat_links as
select
    charge_ouid,
    array_agg(tax_aggregate_ouid) as tax_aggregate_ouids
from report_oibl.tax_amounts_per_tax_aggregate
where taxcategory = 'VAT'
group by charge_ouid;

analyze report_oibl.base_data_vat_links;
