-- Purpose: the open items: when each claim fell due and when it was settled (specification, sections 10.1 and 14.1).
-- Grain:   exactly one row per charge of a due type that can be due; where several rows of a charge differ, the rules
--          of section 17 choose.
-- Sources: data_charges, base_data_charge_specific_due_date, base_data_charge_specific_balance_date,
--          base_data_balance_date, data_due_cancelled_charges, data_overpayment_balance_dates, data_sap_bookings.

drop table if exists report_oibl.oibl_open_items;
create unlogged table report_oibl.oibl_open_items as
with item as (
    -- Lowest login, then lowest MBA name: the first row of the charge.
    select distinct on (applied_billing_charge_ouid) *
    from report_oibl.data_charges
    where is_open_item
    order by applied_billing_charge_ouid, charge_row
),

own_date as (
    select
        charge_ouid,
        min(due_date) as due_date
    from report_oibl.base_data_charge_specific_due_date
    group by charge_ouid
),

-- Several bills or bonuses in a transaction: the earliest date.
transaction_date as (
    select
        transactionid,
        min(due_date) as due_date
    from report_oibl.base_data_charge_specific_due_date
    group by transactionid
),

-- Several dates of one charge: settled before open, latest balance date, earliest due date.
split_date as (
    select distinct on (charge_ouid)
        charge_ouid,
        balance_date,
        due_date
    from report_oibl.base_data_charge_specific_balance_date
    order by charge_ouid asc, balance_date desc nulls last, due_date asc nulls last
),

-- Several cancellations: the earliest.
cancellation as (
    select
        ouid,
        (min(datetimelastmodif) at time zone 'Europe/Berlin')::date as cancelled_on
    from report_oibl.data_due_cancelled_charges
    group by ouid
),

-- Aggregate booked on several days: the latest. An empty aggregate id joins here too (oddity D18, kept).
booking_day as (
    select
        aggregate_id,
        max(budat) as budat
    from report_oibl.data_sap_bookings
    where aggregate_id in (select item.aggregateid from item)
    group by aggregate_id
)

select
    item.charge_row,
    item.applied_billing_charge_ouid,
    -- Due date (section 10.1).
    case
        -- Fees on a bill: as the bill.
        when item.is_fee and item.has_advice_number
            then
                coalesce(
                    transaction_date.due_date, split_date.due_date, balance.due_date, item.datetimecreate
                )
        -- Cancellation balances: as their bill, else without date.
        when item.is_cancellation_balance then coalesce(own_date.due_date, transaction_date.due_date)
        else coalesce(own_date.due_date, split_date.due_date, balance.due_date, item.datetimecreate)
    end as due_date,
    -- Balance date (section 14.1): no date means open.
    case
        -- Overpayments: the day on which they were used up, and no other.
        when item.is_overpayment then overpayment.fully_used_at
        else
            coalesce(
                -- The charge's own balance decides, also that it is open; else the balances of the transaction.
                case when split_date.charge_ouid is not null then split_date.balance_date else balance.balance_date end,
                cancellation.cancelled_on,
                case
                    when item.accountingid = 'ignored'
                        then (item.datetimelastmodif at time zone 'Europe/Berlin')::date
                end,
                booking_day.budat
            )
    end as balance_date
from item
left join own_date on item.applied_billing_charge_ouid = own_date.charge_ouid
left join transaction_date on item.transactionid = transaction_date.transactionid
left join split_date on item.applied_billing_charge_ouid = split_date.charge_ouid
left join report_oibl.base_data_balance_date as balance on item.transactionid = balance.transactionid
left join cancellation on item.applied_billing_charge_ouid = cancellation.ouid
left join report_oibl.data_overpayment_balance_dates as overpayment on item.transactionid = overpayment.transactionid
left join booking_day on item.aggregateid = booking_day.aggregate_id;

analyze report_oibl.oibl_open_items;
