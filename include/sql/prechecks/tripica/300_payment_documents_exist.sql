-- warn: the SAP document of an allocated payment is in the journal
-- Purpose: source check P17: from 2024-01-31 on a payment finds its bookings by document number only.
-- Grain: one row per payment booking.
select
    bookings.id as payment_booking,
    bookings.sap_id as document_number
from paymentallocation_vault.bookings
where
    bookings.sap_id is not null
    and not exists (
        select from bookkeeper_vault.journal_entries
        where bookings.sap_id = journal_entries.id
    )
order by payment_booking
