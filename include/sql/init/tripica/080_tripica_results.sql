-- Purpose: the candidate of the published list (specification, sections 14 and 15).
-- Grain:   rows of five families; equal rows are meaningful and stay.
-- Sources: data_charges and the tables of the five families, oibl_sign_corrections.
-- Order:   open items by charge; bookings of charges by charge, booking day, posting day, document, account, formula,
--          tax row and amounts; payment balances by balance, document, account and formula; tax bookings and payment
--          allocations by document, account and aggregate; then by the remaining columns. Text in byte order, null last.
--          The order is the table's physical order: each family is inserted in order and nothing is updated afterwards.

drop table if exists report_oibl.new_tripica_results;
create table report_oibl.new_tripica_results (
    applied_billing_charge_ouid text,
    billing_account_ouid text,
    login_ouid text,
    billing_account_balance_ouid text,
    tax_item_ouid text,
    datetimelastmodif timestamptz,
    cba text,
    mba text,
    customer_id text,
    date_created date,
    transaction_id text,
    glid text,
    analyticaxis text,
    bill_id text,
    due_date date,
    balance_date date,
    write_off_date date,
    write_off_reason text,
    write_off_note text,
    dunning_lock_until date,
    dunning_lock_reason text,
    dunning_status text,
    dunning_scenario varchar,
    dunning_level integer,
    amount_net numeric(20, 2),
    amount_gross numeric(20, 2),
    amount_vat numeric(20, 2),
    amount_energy_tax numeric(20, 2),
    aggregate_id varchar,
    accounting_id varchar,
    booking_execution_id integer,
    booking_created_at date,
    booking_date date,
    booking_order_number text,
    booking_tax_code text,
    booking_mainledger_account text,
    booking_reference_document_number text,
    booking_debit_amount numeric(20, 2),
    booking_credit_amount numeric(20, 2),
    booking_amount_indicator text,
    migration_flag text
);

-- Open items (section 14.1): no booking columns.
insert into report_oibl.new_tripica_results
select
    charge.applied_billing_charge_ouid::text,
    charge.billing_account_ouid::text,
    charge.login_ouid::text,
    '',
    '',
    charge.datetimelastmodif,
    charge.cba,
    charge.mba,
    charge.customer_id,
    charge.datetimecreate,
    charge.transactionid,
    charge.glid,
    coalesce(charge.analyticaxis, ''),
    charge.bill_id,
    item.due_date,
    item.balance_date,
    charge.write_off_date,
    charge.write_off_reason,
    charge.write_off_note,
    charge.dunning_lock_until,
    charge.dunning_lock_reason,
    charge.dunning_status,
    charge.dunning_scenario,
    charge.dunning_level,
    charge.taxexcludedamount,
    charge.taxincludedamount,
    charge.taxamount,
    charge.energytaxamount,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    charge.migration_flag
from report_oibl.oibl_open_items as item
inner join report_oibl.data_charges as charge on item.charge_row = charge.charge_row
order by item.charge_row;

-- Bookings of charges (section 14.2): no due date, no balance date.
insert into report_oibl.new_tripica_results
select
    charge.applied_billing_charge_ouid::text,
    charge.billing_account_ouid::text,
    charge.login_ouid::text,
    '',
    booking.tax_ouid::text,
    charge.datetimelastmodif,
    charge.cba,
    charge.mba,
    charge.customer_id,
    charge.datetimecreate,
    charge.transactionid,
    charge.glid,
    coalesce(charge.analyticaxis, ''),
    charge.bill_id,
    null,
    null,
    charge.write_off_date,
    charge.write_off_reason,
    charge.write_off_note,
    charge.dunning_lock_until,
    charge.dunning_lock_reason,
    charge.dunning_status,
    charge.dunning_scenario,
    charge.dunning_level,
    charge.taxexcludedamount,
    charge.taxincludedamount,
    charge.taxamount,
    charge.energytaxamount,
    charge.aggregateid,
    charge.accountingid,
    -1,
    booking.booking_created,
    booking.budat,
    booking.aufnr,
    booking.mwskz,
    booking.mainledger_account,
    booking.xblnr,
    case
        when
            booking.debit_amount < 0
            and booking.amount_calculation = 'VATExcludedAmount - ELECTRICITYTAX'
            and charge.aggregateid in (select correction.aggregate_id from report_oibl.oibl_sign_corrections as correction)
            then -booking.debit_amount
        else booking.debit_amount
    end,
    booking.credit_amount,
    booking.amount_calculation,
    charge.migration_flag
from report_oibl.oibl_charge_bookings as booking
inner join report_oibl.data_charges as charge on booking.charge_row = charge.charge_row
order by booking.charge_row, booking.line_no;

-- Payment balances (section 14.3).
insert into report_oibl.new_tripica_results
select
    '',
    '',
    '',
    payment.billing_account_balance_ouid::text,
    '',
    payment.datetimelastmodif,
    payment.cba,
    payment.mba,
    payment.customer_id,
    payment.datetimecreate,
    payment.transactionid,
    payment.glid,
    payment.analyticaxis,
    '',
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    payment.taxincludedamount,
    payment.taxincludedamount,
    0,
    0,
    payment.aggregate_id,
    payment.accountingid,
    -1,
    payment.booking_created,
    payment.budat,
    payment.aufnr,
    payment.mwskz,
    payment.mainledger_account,
    payment.xblnr,
    case
        when
            payment.debit_amount < 0
            and payment.amount_calculation = 'VATExcludedAmount - ELECTRICITYTAX'
            and payment.aggregate_id in (select correction.aggregate_id from report_oibl.oibl_sign_corrections as correction)
            then -payment.debit_amount
        else payment.debit_amount
    end,
    payment.credit_amount,
    payment.amount_calculation,
    payment.migration_flag
from report_oibl.oibl_payment_balances as payment
order by
    payment.billing_account_balance_ouid,
    payment.xblnr collate "C",
    payment.mainledger_account collate "C",
    payment.amount_calculation collate "C",
    payment.debit_amount,
    payment.credit_amount,
    payment.booking_created,
    payment.budat,
    payment.aufnr collate "C",
    payment.mwskz collate "C",
    payment.mba collate "C",
    payment.cba collate "C",
    payment.customer_id collate "C",
    payment.migration_flag collate "C";

-- Tax bookings (section 14.4): what the charge does not give is empty text in the columns of references, else null.
insert into report_oibl.new_tripica_results
select
    coalesce(charge.applied_billing_charge_ouid::text, ''),
    coalesce(charge.billing_account_ouid::text, ''),
    coalesce(charge.login_ouid::text, ''),
    '',
    '',
    charge.datetimelastmodif,
    charge.cba,
    charge.mba,
    coalesce(charge.customer_id, ''),
    charge.datetimecreate,
    coalesce(charge.transactionid, ''),
    coalesce(charge.glid, ''),
    coalesce(charge.analyticaxis, ''),
    coalesce(charge.bill_id, ''),
    null,
    null,
    charge.write_off_date,
    charge.write_off_reason,
    charge.write_off_note,
    charge.dunning_lock_until,
    charge.dunning_lock_reason,
    charge.dunning_status,
    charge.dunning_scenario,
    charge.dunning_level,
    tax.amount_net,
    tax.amount_gross,
    tax.amount_vat,
    0,
    tax.aggregate_id,
    coalesce(charge.accountingid, ''),
    -1,
    tax.booking_created,
    tax.budat,
    '/',
    tax.mwskz,
    tax.mainledger_account,
    tax.xblnr,
    case
        when
            tax.debit_amount < 0
            and tax.amount_calculation = 'VATExcludedAmount - ELECTRICITYTAX'
            and tax.aggregate_id in (select correction.aggregate_id from report_oibl.oibl_sign_corrections as correction)
            then -tax.debit_amount
        else tax.debit_amount
    end,
    tax.credit_amount,
    tax.amount_calculation,
    charge.migration_flag
from report_oibl.oibl_tax_bookings as tax
left join report_oibl.data_charges as charge on tax.charge_row = charge.charge_row
order by
    tax.xblnr collate "C",
    tax.mainledger_account collate "C",
    tax.aggregate_id collate "C",
    tax.charge_row,
    tax.amount_calculation collate "C",
    tax.debit_amount,
    tax.credit_amount,
    tax.booking_created,
    tax.budat,
    tax.mwskz collate "C",
    tax.amount_net,
    tax.amount_gross,
    tax.amount_vat;

-- Payment allocations (section 14.5): all that is not known of the payment is null.
insert into report_oibl.new_tripica_results (
    glid,
    amount_net,
    amount_gross,
    amount_vat,
    aggregate_id,
    booking_created_at,
    booking_date,
    booking_order_number,
    booking_tax_code,
    booking_mainledger_account,
    booking_reference_document_number,
    booking_debit_amount,
    booking_credit_amount,
    booking_amount_indicator
)
select
    payment.glid,
    payment.amount,
    payment.amount,
    0,
    payment.aggregate_id,
    payment.booking_created,
    payment.budat,
    payment.aufnr,
    payment.mwskz,
    payment.newko,
    payment.xblnr,
    case
        when
            payment.debit_amount < 0
            and payment.amount_calculation = 'VATExcludedAmount - ELECTRICITYTAX'
            and payment.aggregate_id in (select correction.aggregate_id from report_oibl.oibl_sign_corrections as correction)
            then -payment.debit_amount
        else payment.debit_amount
    end,
    payment.credit_amount,
    payment.amount_calculation
from report_oibl.oibl_payment_allocations as payment
order by
    payment.xblnr collate "C",
    payment.newko collate "C",
    payment.aggregate_id collate "C",
    payment.amount_calculation collate "C",
    payment.debit_amount,
    payment.credit_amount,
    payment.booking_created,
    payment.budat,
    payment.aufnr collate "C",
    payment.mwskz collate "C",
    payment.glid collate "C",
    payment.amount;

analyze report_oibl.new_tripica_results;
