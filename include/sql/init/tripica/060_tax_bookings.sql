-- Purpose: tax lines that SAP received beside the postings (specification, section 14.4).
-- Grain:   distinct rows of tax line as shown, charge of its aggregate and document head; a line of an unknown
--          aggregate stays, without charge (oddity D14, kept).
-- Sources: base_data_bbtax, base_data_bbkpf, data_charges, base_data_vat_aggregate_sign.
-- Order:   by document, account, aggregate, charge, then the other columns, null last, text in byte order: line_no
--          numbers the lines of the whole table.

drop table if exists report_oibl.oibl_tax_bookings;
create unlogged table report_oibl.oibl_tax_bookings as
with tax_line as (
    select
        line.*,
        replace(line.wrbed, ',', '.')::numeric(20, 2) as tax_amount,
        replace(line.fwbas, ',', '.')::numeric(20, 2) as base_amount
    from report_oibl.base_data_bbtax as line
    -- Bookings, rebookings, cancellations and manual documents only; an underscore is any one character.
    where
        line.xblnr like 'BR_TRPC%'
        or line.xblnr like 'BR_REBK%'
        or line.xblnr like 'BR_CANC%'
        or line.xblnr like 'BR_MAN%'
),

valued as (
    select
        tax_line.*,
        head.budat,
        charge.charge_row,
        -- Amounts of the charge, else of the tax line.
        coalesce(charge.taxexcludedamount, tax_line.base_amount) as amount_net,
        coalesce(charge.taxincludedamount, tax_line.base_amount + tax_line.tax_amount) as amount_gross,
        coalesce(charge.taxamount, tax_line.tax_amount) as amount_vat,
        -- The charge's VAT by the sign of the aggregate, else the tax line's; another formula shows the sentinel -1
        -- (oddity D12, kept).
        case
            when tax_line.amount_calculation in ('vat.Amount', 'VAT')
                then coalesce(charge.taxamount * sign.tax_total_aggregate_sign, tax_line.tax_amount)
            else -1
        end as amount
    from tax_line
    inner join report_oibl.base_data_bbkpf as head on tax_line.xblnr = head.xbelnr
    left join report_oibl.data_charges as charge
        on tax_line.aggregate_id = charge.aggregateid and charge.aggregateid <> ''
    left join report_oibl.base_data_vat_aggregate_sign as sign on charge.aggregateid = sign.aggregateid
),

line as (
    select distinct
        charge_row,
        amount_net,
        amount_gross,
        amount_vat,
        coalesce(aggregate_id, '') as aggregate_id,
        bbtax_booking_created as booking_created,
        budat,
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
            xblnr collate "C",
            mainledger_account collate "C",
            aggregate_id collate "C",
            charge_row,
            amount_calculation collate "C",
            debit_amount,
            credit_amount,
            booking_created,
            budat,
            mwskz collate "C",
            amount_net,
            amount_gross,
            amount_vat
    ) as line_no
from line;

analyze report_oibl.oibl_tax_bookings;
