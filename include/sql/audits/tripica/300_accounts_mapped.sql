-- warn: every booking names a ledger account, for clients that map tax codes
-- Purpose: result check V7: "tax code: .." stands for an account that neither the journal nor the client's VAT booking
--     accounts name. For clients without any mapping all tax bookings have it, so they are not checked.
-- Grain: one row per such text.
-- Sources: report_oibl.new_tripica_results, client_data_vat_booking_accounts.
select
    booking_mainledger_account as account,
    count(*) as rows,
    min(booking_reference_document_number) as example_document
from report_oibl.new_tripica_results
where
    booking_mainledger_account like 'tax code: %'
    and exists (select from report_oibl.client_data_vat_booking_accounts)
group by booking_mainledger_account
order by account
