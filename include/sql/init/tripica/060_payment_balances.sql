-- Purpose: how payments were booked (specification, section 14.3).
-- Grain:   one row per balance row and posting line of its aggregate; not distinct.
-- Sources: data_balances, data_sap_bookings.

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
)

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
from valued;

analyze report_oibl.oibl_payment_balances;
