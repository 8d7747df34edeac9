-- Purpose: the charge types that are claims on the customer, as patterns (specification, section 5.1).
-- Grain:   one row per pair of glid pattern and axis pattern.
-- Sources: the types that the charge converter sums under the payment aggregation key. The same for every client; a
--          client with other types replaces this script in a folder of its own.
--
-- Deliberately not due: *_REJECTED, BANK_FEE_RETURN, *_FEE_MIGRATION, *_MANUAL_BONUS_REFUND, PAYMENT_TRANSACTION,
-- *_BILL_CANCEL. Patterns are LIKE patterns: an underscore is any one character (oddity D16, kept).

drop table if exists report_oibl.client_data_due_charge_type;
create unlogged table report_oibl.client_data_due_charge_type (
    glid varchar(255) not null,
    analyticaxis varchar(255) not null default '%',
    unique (glid, analyticaxis)
);

insert into report_oibl.client_data_due_charge_type (glid)
values
('BANK_FEE'),
('DUNNING_FEE'),
('%_ABSCHLAG'),
('%_BILL'),
('%_BILL_MIGRATION'),
('%_CANCELLATION_BALANCE'),
('%_MANUAL_BILL'),
('%_MANUAL_BONUS'),
('EPILOT_%_LEASE_PAY'),
('EPILOT_%_SERVICE_PAY'),
('EPILOT_%_UNIT_PAY'),
('OVERPAYMENT_CREDIT'),
('OVERPAYMENT_REFUND'),
('OVERPAYMENT_USED'),
('METER_BLOCKING_%_FEE'),
('METER_BLOCKING_LETTER'),
('METER_UNBLOCKING_%_FEE'),
('%_CANCELLATION_BALANCE_WRITE_OFF');

analyze report_oibl.client_data_due_charge_type;
