-- Purpose: the candidate of the published list (specification, sections 14 and 15), and before it the debits that the
--          list shows without their sign (section 14.6).
-- Grain:   new_tripica_results: rows of five families; equal rows are meaningful and stay. Missing and empty texts
--          differ by family (oddity D23, kept).
--          oibl_sign_corrections: one row per aggregate id (empty text is one, null is none), amount formula and debit
--          as booked.
-- Key:     applied_billing_charge_ouid, billing_account_balance_ouid, tax_item_ouid, login_ouid, mba, aggregate_id,
--          booking_reference_document_number, booking_mainledger_account, booking_amount_indicator, booking_tax_code
-- Sources: data_charges and the tables of the five families.
-- Order:   by family, in each by the number that its script has given to the line: open items by charge; bookings of
--          charges by charge, booking day, posting day, document, account, formula, tax row and amounts; payment
--          balances by balance, document, account and formula; tax bookings and payment allocations by document,
--          account and aggregate; then by the remaining columns. Text in byte order, null last. The order is the
--          table's physical order: one statement appends the sorted families, in one process, and nothing is updated
--          afterwards (INSERT would fill gaps in earlier pages). A debit below zero is shown without its sign where
--          oibl_sign_corrections says so (section 14.6).

-- Negative net amounts of electricity in aggregates that do not balance: the list looks up what it shows instead.
drop table if exists report_oibl.oibl_sign_corrections;
create unlogged table report_oibl.oibl_sign_corrections as
-- Not materialized: the debits to correct are few, and only the lines of their aggregates are summed.
with booked as not materialized (
    select
        charge.aggregateid as aggregate_id,
        booking.amount_calculation,
        booking.debit_amount,
        booking.credit_amount
    from report_oibl.oibl_charge_bookings as booking
    inner join report_oibl.data_charges as charge on booking.charge_row = charge.charge_row
    union all
    select
        aggregate_id,
        amount_calculation,
        debit_amount,
        credit_amount
    from report_oibl.oibl_payment_balances
    union all
    select
        aggregate_id,
        amount_calculation,
        debit_amount,
        credit_amount
    from report_oibl.oibl_tax_bookings
    union all
    select
        aggregate_id,
        amount_calculation,
        debit_amount,
        credit_amount
    from report_oibl.oibl_payment_allocations
),

suspect as (
    select distinct
        aggregate_id,
        amount_calculation,
        debit_amount
    from booked
    where
        debit_amount < 0
        and amount_calculation = 'VATExcludedAmount - ELECTRICITYTAX'
        and aggregate_id is not null
),

-- Both sides present and different; nothing is corrected where the aggregate balances or has one side only (oddity D15,
-- kept: electricity only, debit only).
unbalanced as (
    select aggregate_id
    from booked
    where aggregate_id in (select suspect.aggregate_id from suspect)
    group by aggregate_id
    having sum(debit_amount) <> sum(credit_amount)
)

select
    suspect.aggregate_id,
    suspect.amount_calculation,
    suspect.debit_amount,
    -suspect.debit_amount as shown_amount
from suspect
inner join unbalanced on suspect.aggregate_id = unbalanced.aggregate_id;

analyze report_oibl.oibl_sign_corrections;

-- Workers would mix the families.
set local max_parallel_workers_per_gather = 0;

drop table if exists report_oibl.new_tripica_results;
create table report_oibl.new_tripica_results as
with line as (
    -- Open items (section 14.1): no booking columns.
    -- They are sorted before the wide columns come to them: the join by the charges' index keeps the order.
    (
        select
            charge.applied_billing_charge_ouid::text as applied_billing_charge_ouid,
            charge.billing_account_ouid::text as billing_account_ouid,
            charge.login_ouid::text as login_ouid,
            '' as billing_account_balance_ouid,
            '' as tax_item_ouid,
            charge.datetimelastmodif,
            charge.cba,
            charge.mba,
            charge.customer_id,
            charge.datetimecreate as date_created,
            charge.transactionid as transaction_id,
            charge.glid,
            coalesce(charge.analyticaxis, '') as analyticaxis,
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
            charge.taxexcludedamount as amount_net,
            charge.taxincludedamount as amount_gross,
            charge.taxamount as amount_vat,
            charge.energytaxamount as amount_energy_tax,
            null::text as aggregate_id,
            null::text as accounting_id,
            null::integer as booking_execution_id,
            null::date as booking_created_at,
            null::date as booking_date,
            null::text as booking_order_number,
            null::text as booking_tax_code,
            null::text as booking_mainledger_account,
            null::text as booking_reference_document_number,
            null::numeric(20, 2) as booking_debit_amount,
            null::numeric(20, 2) as booking_credit_amount,
            null::text as booking_amount_indicator,
            charge.migration_flag
        from (
            select *
            from report_oibl.oibl_open_items
            order by charge_row
        ) as item
        inner join report_oibl.data_charges as charge on item.charge_row = charge.charge_row
        order by item.charge_row
    )
    union all
    -- Bookings of charges (section 14.2): no due date, no balance date. Sorted first, as the open items.
    (
        select
            charge.applied_billing_charge_ouid::text as applied_billing_charge_ouid,
            charge.billing_account_ouid::text as billing_account_ouid,
            charge.login_ouid::text as login_ouid,
            '' as billing_account_balance_ouid,
            booking.tax_ouid::text as tax_item_ouid,
            charge.datetimelastmodif,
            charge.cba,
            charge.mba,
            charge.customer_id,
            charge.datetimecreate as date_created,
            charge.transactionid as transaction_id,
            charge.glid,
            coalesce(charge.analyticaxis, '') as analyticaxis,
            charge.bill_id,
            null::date as due_date,
            null::date as balance_date,
            charge.write_off_date,
            charge.write_off_reason,
            charge.write_off_note,
            charge.dunning_lock_until,
            charge.dunning_lock_reason,
            charge.dunning_status,
            charge.dunning_scenario,
            charge.dunning_level,
            charge.taxexcludedamount as amount_net,
            charge.taxincludedamount as amount_gross,
            charge.taxamount as amount_vat,
            charge.energytaxamount as amount_energy_tax,
            charge.aggregateid as aggregate_id,
            charge.accountingid as accounting_id,
            -1 as booking_execution_id,
            booking.booking_created as booking_created_at,
            booking.budat as booking_date,
            booking.aufnr as booking_order_number,
            booking.mwskz as booking_tax_code,
            booking.mainledger_account as booking_mainledger_account,
            booking.xblnr as booking_reference_document_number,
            booking.debit_amount as booking_debit_amount,
            booking.credit_amount as booking_credit_amount,
            booking.amount_calculation as booking_amount_indicator,
            charge.migration_flag
        from (
            select *
            from report_oibl.oibl_charge_bookings
            order by
                charge_row,
                line_no
        ) as booking
        inner join report_oibl.data_charges as charge on booking.charge_row = charge.charge_row
        order by
            booking.charge_row,
            booking.line_no
    )
    union all
    -- Payment balances (section 14.3).
    (
        select
            '' as applied_billing_charge_ouid,
            '' as billing_account_ouid,
            '' as login_ouid,
            payment.billing_account_balance_ouid::text as billing_account_balance_ouid,
            '' as tax_item_ouid,
            payment.datetimelastmodif,
            payment.cba,
            payment.mba,
            payment.customer_id,
            payment.datetimecreate as date_created,
            payment.transactionid as transaction_id,
            payment.glid,
            payment.analyticaxis,
            '' as bill_id,
            null::date as due_date,
            null::date as balance_date,
            null::date as write_off_date,
            null::text as write_off_reason,
            null::text as write_off_note,
            null::date as dunning_lock_until,
            null::text as dunning_lock_reason,
            null::text as dunning_status,
            null::text as dunning_scenario,
            null::integer as dunning_level,
            payment.taxincludedamount as amount_net,
            payment.taxincludedamount as amount_gross,
            0::numeric(20, 2) as amount_vat,
            0::numeric(20, 2) as amount_energy_tax,
            payment.aggregate_id,
            payment.accountingid as accounting_id,
            -1 as booking_execution_id,
            payment.booking_created as booking_created_at,
            payment.budat as booking_date,
            payment.aufnr as booking_order_number,
            payment.mwskz as booking_tax_code,
            payment.mainledger_account as booking_mainledger_account,
            payment.xblnr as booking_reference_document_number,
            payment.debit_amount as booking_debit_amount,
            payment.credit_amount as booking_credit_amount,
            payment.amount_calculation as booking_amount_indicator,
            payment.migration_flag
        from report_oibl.oibl_payment_balances as payment
        order by payment.line_no
    )
    union all
    -- Tax bookings (section 14.4): what the charge does not give is empty text in the columns of references, else null.
    (
        select
            coalesce(charge.applied_billing_charge_ouid::text, '') as applied_billing_charge_ouid,
            coalesce(charge.billing_account_ouid::text, '') as billing_account_ouid,
            coalesce(charge.login_ouid::text, '') as login_ouid,
            '' as billing_account_balance_ouid,
            '' as tax_item_ouid,
            charge.datetimelastmodif,
            charge.cba,
            charge.mba,
            coalesce(charge.customer_id, '') as customer_id,
            charge.datetimecreate as date_created,
            coalesce(charge.transactionid, '') as transaction_id,
            coalesce(charge.glid, '') as glid,
            coalesce(charge.analyticaxis, '') as analyticaxis,
            coalesce(charge.bill_id, '') as bill_id,
            null::date as due_date,
            null::date as balance_date,
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
            0::numeric(20, 2) as amount_energy_tax,
            tax.aggregate_id,
            coalesce(charge.accountingid, '') as accounting_id,
            -1 as booking_execution_id,
            tax.booking_created as booking_created_at,
            tax.budat as booking_date,
            '/' as booking_order_number,
            tax.mwskz as booking_tax_code,
            tax.mainledger_account as booking_mainledger_account,
            tax.xblnr as booking_reference_document_number,
            tax.debit_amount as booking_debit_amount,
            tax.credit_amount as booking_credit_amount,
            tax.amount_calculation as booking_amount_indicator,
            charge.migration_flag
        from report_oibl.oibl_tax_bookings as tax
        left join report_oibl.data_charges as charge on tax.charge_row = charge.charge_row
        order by tax.line_no
    )
    union all
    -- Payment allocations (section 14.5): all that is not known of the payment is null.
    (
        select
            null::text as applied_billing_charge_ouid,
            null::text as billing_account_ouid,
            null::text as login_ouid,
            null::text as billing_account_balance_ouid,
            null::text as tax_item_ouid,
            null::timestamptz as datetimelastmodif,
            null::text as cba,
            null::text as mba,
            null::text as customer_id,
            null::date as date_created,
            null::text as transaction_id,
            payment.glid,
            null::text as analyticaxis,
            null::text as bill_id,
            null::date as due_date,
            null::date as balance_date,
            null::date as write_off_date,
            null::text as write_off_reason,
            null::text as write_off_note,
            null::date as dunning_lock_until,
            null::text as dunning_lock_reason,
            null::text as dunning_status,
            null::text as dunning_scenario,
            null::integer as dunning_level,
            payment.amount::numeric(20, 2) as amount_net,
            payment.amount::numeric(20, 2) as amount_gross,
            0::numeric(20, 2) as amount_vat,
            null::numeric(20, 2) as amount_energy_tax,
            payment.aggregate_id,
            null::text as accounting_id,
            null::integer as booking_execution_id,
            payment.booking_created as booking_created_at,
            payment.budat as booking_date,
            payment.aufnr as booking_order_number,
            payment.mwskz as booking_tax_code,
            payment.newko as booking_mainledger_account,
            payment.xblnr as booking_reference_document_number,
            payment.debit_amount as booking_debit_amount,
            payment.credit_amount as booking_credit_amount,
            payment.amount_calculation as booking_amount_indicator,
            null::text as migration_flag
        from report_oibl.oibl_payment_allocations as payment
        order by payment.line_no
    )
)

select
    applied_billing_charge_ouid,
    billing_account_ouid,
    login_ouid,
    billing_account_balance_ouid,
    tax_item_ouid,
    datetimelastmodif,
    cba collate "default" as cba,
    mba collate "default" as mba,
    customer_id,
    date_created,
    transaction_id,
    glid,
    analyticaxis,
    bill_id collate "default" as bill_id,
    due_date,
    balance_date,
    write_off_date,
    write_off_reason,
    write_off_note,
    dunning_lock_until,
    dunning_lock_reason,
    dunning_status,
    dunning_scenario::varchar,
    dunning_level,
    amount_net,
    amount_gross::numeric(20, 2),
    amount_vat,
    amount_energy_tax,
    aggregate_id::varchar,
    accounting_id::varchar,
    booking_execution_id,
    booking_created_at,
    booking_date,
    booking_order_number collate "default" as booking_order_number,
    booking_tax_code collate "default" as booking_tax_code,
    booking_mainledger_account collate "default" as booking_mainledger_account,
    booking_reference_document_number collate "default" as booking_reference_document_number,
    -- Debits that the list shows without their sign (section 14.6).
    case
        when booking_debit_amount < 0
            then
                coalesce(
                    (
                        select correction.shown_amount
                        from report_oibl.oibl_sign_corrections as correction
                        where
                            correction.aggregate_id = line.aggregate_id
                            and correction.amount_calculation = line.booking_amount_indicator
                            and correction.debit_amount = line.booking_debit_amount
                    ),
                    booking_debit_amount
                )
        else booking_debit_amount
    end::numeric(20, 2) as booking_debit_amount,
    booking_credit_amount::numeric(20, 2),
    booking_amount_indicator collate "default" as booking_amount_indicator,
    migration_flag collate "default" as migration_flag
from line;

analyze report_oibl.new_tripica_results;

-- What the columns mean: the one source for the warehouse, the manifest and docs/list-columns.md (`make describe`).
comment on column report_oibl.new_tripica_results.applied_billing_charge_ouid is
'number of the charge; empty if the row belongs to no charge, null for payment allocations';
comment on column report_oibl.new_tripica_results.billing_account_ouid is
'number of the billing account in the billing system';
comment on column report_oibl.new_tripica_results.login_ouid is 'number of the customer''s login';
comment on column report_oibl.new_tripica_results.billing_account_balance_ouid is
'number of the balance: payment balances only; null for payment allocations';
comment on column report_oibl.new_tripica_results.tax_item_ouid is
'number of the tax item that the booking line carries; empty for none';
comment on column report_oibl.new_tripica_results.datetimelastmodif is
'instant at which the charge was last changed in the billing system';
comment on column report_oibl.new_tripica_results.cba is 'contract account; null if the account has no master account';
comment on column report_oibl.new_tripica_results.mba is 'master account; the account itself if it has none';
comment on column report_oibl.new_tripica_results.customer_id is 'customer number';
comment on column report_oibl.new_tripica_results.date_created is 'day on which the charge or balance was made';
comment on column report_oibl.new_tripica_results.transaction_id is 'event that groups charges, balances and payments';
comment on column report_oibl.new_tripica_results.glid is 'kind of charge, such as ELEC_ABSCHLAG or GAS_BILL';
comment on column report_oibl.new_tripica_results.analyticaxis is 'finer classification of the charge';
comment on column report_oibl.new_tripica_results.bill_id is 'number of the bill';
comment on column report_oibl.new_tripica_results.due_date is 'day on which the claim falls due';
comment on column report_oibl.new_tripica_results.balance_date is 'day on which it was settled; null: open';
comment on column report_oibl.new_tripica_results.write_off_date is 'day on which the claim was given up';
comment on column report_oibl.new_tripica_results.write_off_reason is 'reason of the write-off';
comment on column report_oibl.new_tripica_results.write_off_note is 'remark of the clerk';
comment on column report_oibl.new_tripica_results.dunning_lock_until is
'last day of the agreed pause of dunning (UTC day); 9999-12-31: without end';
comment on column report_oibl.new_tripica_results.dunning_lock_reason is 'reason of the pause';
comment on column report_oibl.new_tripica_results.dunning_status is 'state of the dunning case';
comment on column report_oibl.new_tripica_results.dunning_scenario is 'kind of dunning process';
comment on column report_oibl.new_tripica_results.dunning_level is 'level of the reminder, 1 and up';
comment on column report_oibl.new_tripica_results.amount_net is 'net: without VAT, with energy tax';
comment on column report_oibl.new_tripica_results.amount_gross is 'gross: with VAT';
comment on column report_oibl.new_tripica_results.amount_vat is 'VAT';
comment on column report_oibl.new_tripica_results.amount_energy_tax is 'electricity and gas tax within the net';
comment on column report_oibl.new_tripica_results.aggregate_id is 'unit in which charges are summed and booked';
comment on column report_oibl.new_tripica_results.accounting_id is
'number of the accounting; ignored: deliberately not booked';
comment on column report_oibl.new_tripica_results.booking_execution_id is
'number of the booking run; always -1, kept for readers of the replaced service';
comment on column report_oibl.new_tripica_results.booking_created_at is
'day of the export to SAP: of the file or of the document, whichever is earlier';
comment on column report_oibl.new_tripica_results.booking_date is 'posting date';
comment on column report_oibl.new_tripica_results.booking_order_number is 'order number; / means none';
comment on column report_oibl.new_tripica_results.booking_tax_code is 'SAP tax code; / means none';
comment on column report_oibl.new_tripica_results.booking_mainledger_account is
'main ledger account; tax code: … if there is none';
comment on column report_oibl.new_tripica_results.booking_reference_document_number is
'SAP document, such as BR_TRPC-058822';
comment on column report_oibl.new_tripica_results.booking_debit_amount is 'amount of the line, if it is a debit';
comment on column report_oibl.new_tripica_results.booking_credit_amount is 'amount of the line, if it is a credit';
comment on column report_oibl.new_tripica_results.booking_amount_indicator is
'which amount of the charge the line carries, such as TaxIncludedAmount or VAT';
comment on column report_oibl.new_tripica_results.migration_flag is 'the account came from the legacy system';
