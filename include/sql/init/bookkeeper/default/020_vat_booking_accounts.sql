-- Purpose: VAT booking accounts of a client without a folder of its own: none (specification, section 5.2).
-- Grain:   one row per SAP tax code.
-- Sources: none. Tax bookings then show the text "tax code: " and the code in place of an account.

drop table if exists report_oibl.client_data_vat_booking_accounts;
create unlogged table report_oibl.client_data_vat_booking_accounts (
    mwskz varchar(2) not null unique,
    account varchar(20) not null
);
