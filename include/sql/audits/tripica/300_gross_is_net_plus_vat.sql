-- warn: a charge's gross amount in the list is its net amount and its VAT
-- Purpose: result check V12. For credit-like types gross and net are flipped, VAT is not (defect D11, kept): there
--     gross is net less VAT.
-- Grain: one row per type (glid).
-- Sources: report_oibl.new_tripica_results: open items and bookings of charges.
select
    glid,
    count(*) as rows,
    count(distinct applied_billing_charge_ouid) as charges,
    min(applied_billing_charge_ouid) as example_charge
from report_oibl.new_tripica_results
where
    billing_account_balance_ouid = ''
    and (aggregate_id is null or tax_item_ouid is distinct from '')
    and amount_gross - amount_net <> coalesce(amount_vat, 0)
    * case when glid like 'OVERPAYMENT_CREDIT' or glid like '%_MANUAL_BONUS' then -1 else 1 end
group by glid
order by glid
