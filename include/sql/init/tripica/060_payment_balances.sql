-- Purpose: how payments were booked (specification, section 14.3).
-- Grain:   one row per balance row and posting line of its aggregate; not distinct.
-- Sources: data_balances, data_sap_bookings.
-- Order:   by balance, document, account, formula, then the other columns, null last, text in byte order: line_no
--          numbers the lines of the whole table.

drop table if exists report_oibl.oibl_payment_balances;
create unlogged table report_oibl.oibl_payment_balances as
with valued as (
    select
        balance.*,
        booking.beldat,
        booking.budat,
        booking.aufnr,
        booking.mwskz,
        booking.newbs,
        booking.newko,
        booking.xblnr,
        booking.amount_calculation,
        -- A payment is booked with its gross amount; another formula shows the sentinel -1 (oddity D12, kept).
        case when booking.amount_calculation = 'TaxIncludedAmount' then balance.taxincludedamount else -1 end as amount
    from report_oibl.data_balances as balance
    inner join report_oibl.data_sap_bookings as booking on balance.aggregateid = booking.aggregate_id
    where balance.aggregateid <> ''
),

line as (
    select
        billing_account_balance_ouid,
        datetimelastmodif,
        mba,
        cba,
        customer_id,
        datetimecreate,
        transactionid,
        glid,
        analyticaxis,
        aggregateid as aggregate_id,
        accountingid,
        taxincludedamount,
        migration_flag,
        -- Booked when the document was made (oddity D21, kept).
        beldat as booking_created,
        budat,
        aufnr,
        mwskz,
        coalesce(newko, 'tax code: ' || mwskz) as mainledger_account,
        xblnr,
        amount_calculation,
        case when newbs = '40' then amount end::numeric(20, 2) as debit_amount,
        case when newbs = '50' then amount end::numeric(20, 2) as credit_amount
    from valued
)

select
    line.*,
    row_number() over (
        order by
            billing_account_balance_ouid,
            xblnr collate "C",
            mainledger_account collate "C",
            amount_calculation collate "C",
            debit_amount,
            credit_amount,
            booking_created,
            budat,
            aufnr collate "C",
            mwskz collate "C",
            mba collate "C",
            cba collate "C",
            customer_id collate "C",
            migration_flag collate "C"
    ) as line_no
from line;

analyze report_oibl.oibl_payment_balances;
