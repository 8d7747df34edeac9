-- Purpose: VAT booking accounts of the client (specification, section 5.2).
-- Grain:   one row per SAP tax code.
-- Sources: the client's chart of accounts. The client local has the same rows: its folder holds a link to this file.

drop table if exists report_oibl.client_data_vat_booking_accounts;
create unlogged table report_oibl.client_data_vat_booking_accounts (
    mwskz varchar(2) not null unique,
    account varchar(20) not null
);

insert into report_oibl.client_data_vat_booking_accounts (mwskz, account)
values
('11', '76100030'),
('1A', '76100030'),
('21', '76100030'),
('2A', '76100030'),
('12', '76100101'),
('1B', '76100101'),
('22', '76100100'),
('2B', '76100100'),
('59', '76110005'),
('5W', '76110005'),
('69', '76110005'),
('6W', '76110005'),
('51', '76110030'),
('5A', '76110030'),
('61', '76110030'),
('6A', '76110030'),
('62', '76110030'),
('6B', '76110030'),
-- RC: reverse charge, the recipient owes the tax.
('81', 'RC'),
('8A', 'RC');

analyze report_oibl.client_data_vat_booking_accounts;
