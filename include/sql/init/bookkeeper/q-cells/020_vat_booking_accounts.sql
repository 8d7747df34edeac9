-- Purpose: VAT booking accounts of q-cells: none yet (specification, section 5.2).
-- Grain:   one row per SAP tax code.
-- Sources: none. Planned, and inactive until the client names the accounts: AA = 19 %, AL = 16 %, AK = 7 %.

drop table if exists report_oibl.client_data_vat_booking_accounts;
create unlogged table report_oibl.client_data_vat_booking_accounts (
    mwskz varchar(2) not null unique,
    account varchar(20) not null
);
