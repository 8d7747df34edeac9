-- Purpose: the signs by which amounts of an aggregate are booked (specification, section 10.4).
-- Grain:   one row per non-empty aggregate id whose charges have VAT rows.
-- Sources: base_data_charges_with_kind, base_data_taxes.

drop table if exists report_oibl.base_data_vat_aggregate_sign;
create unlogged table report_oibl.base_data_vat_aggregate_sign as
-- Summed over pairs of charge and VAT row: a charge with two VAT rows counts twice in gross and net, one without not at
-- all. Charges before the cut-off of 2019 count (section 10.4). Below zero gives -1, all else +1.
select
    charge.aggregateid,
    case when sum(tax.taxamount) < 0 then -1 else 1 end as tax_total_aggregate_sign,
    case
        when
            sum(charge.taxincludedamount * tax.vat_rows * case when charge.is_credit_like then -1 else 1 end) < 0
            then -1
        else 1
    end as total_sign_taxincludedamount,
    case
        when
            sum(charge.taxexcludedamount * tax.vat_rows * case when charge.is_credit_like then -1 else 1 end) < 0
            then -1
        else 1
    end as total_sign_taxexcludedamount
from report_oibl.base_data_charges_with_kind as charge
inner join report_oibl.base_data_taxes as tax on charge.ouid = tax.appliedbillingchargeouid
where charge.aggregateid <> '' and tax.vat_rows > 0
group by charge.aggregateid;

analyze report_oibl.base_data_vat_aggregate_sign;
