-- system: tripica
-- Purpose: the open items and balance list for customers of the report: the customer view, whole.
-- Grain:   one row per row of the view; rows can be equal.
-- Key:     transaction_id, glid, analyticaxis, mba, bill_id, date_created, aggregate_id,
--          booking_reference_document_number, booking_mainledger_account, booking_amount_indicator, booking_tax_code
-- Sources: report_oibl.oibl_customer (specification, section 15).
-- Order:   the physical order of report_oibl.tripica_results, which is total (see the script that builds it): a plain
--          projection of one table, so that an exporter can read it in parts.

select
    cba,
    mba,
    customer_id,
    date_created,
    transaction_id,
    glid,
    analyticaxis,
    bill_id,
    due_date,
    balance_date,
    write_off_date,
    write_off_reason,
    write_off_note,
    dunning_lock_until,
    dunning_lock_reason,
    dunning_scenario,
    dunning_level,
    amount_net,
    amount_gross,
    amount_vat,
    amount_energy_tax,
    aggregate_id,
    accounting_id,
    booking_created_at,
    booking_date,
    booking_order_number,
    booking_tax_code,
    booking_mainledger_account,
    booking_reference_document_number,
    booking_debit_amount,
    booking_credit_amount,
    booking_amount_indicator,
    migration_flag
from report_oibl.oibl_customer;
