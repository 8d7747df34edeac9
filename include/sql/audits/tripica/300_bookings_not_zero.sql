-- warn: a booking of a charge is 0 only where the amount that its formula names is 0
-- Purpose: result check V6: an unknown or missing formula books 0 (rule R24), and so does a zero tax aggregate.
-- Grain: one row per type (glid) and formula.
-- Sources: report_oibl.new_tripica_results.
select
    glid,
    booking_amount_indicator as formula,
    count(*) as rows,
    min(aggregate_id) as example_aggregate
from report_oibl.new_tripica_results
where
    aggregate_id is not null
    and billing_account_balance_ouid = ''
    and tax_item_ouid is distinct from ''
    and coalesce(booking_debit_amount, booking_credit_amount) = 0
    and case
        when booking_amount_indicator in ('ac.TaxIncludedAmount', 'TaxIncludedAmount') then amount_gross <> 0
        when booking_amount_indicator in ('energyTax.Amount', 'GASTAX', 'ELECTRICITYTAX') then amount_energy_tax <> 0
        when booking_amount_indicator in ('VAT', 'vat.Amount') then amount_vat <> 0
        when booking_amount_indicator in ('VATExcludedAmount', 'TaxIncludedAmount - VAT') then amount_net <> 0
        when
            booking_amount_indicator in (
                'TaxExcludedAmount - energyTax.Amount', 'VATExcludedAmount - GASTAX',
                'VATExcludedAmount - ELECTRICITYTAX', 'TaxIncludedAmount - VAT - ENERGYTAX',
                'TaxIncludedAmount - VAT - ELECTRICITYTAX', 'TaxIncludedAmount - VAT - GASTAX'
            )
            then amount_net <> coalesce(amount_energy_tax, 0)
        else true
    end
group by glid, booking_amount_indicator
order by glid, formula
