-- warn: a due charge that is settled by its booking has one posting date
-- Purpose: source check P14: booked on several days, the latest is taken (section 17).
-- Grain: one row per charge.
-- Sources: report_oibl.data_sap_bookings, new_tripica_results; datalake_vault.applied_billing_charge.
with rebooked as (
    select
        aggregate_id,
        count(distinct budat) as posting_dates,
        max(budat) as latest
    from report_oibl.data_sap_bookings
    where aggregate_id <> ''
    group by aggregate_id
    having min(budat) < max(budat)
)

select
    charge.ouid as charge,
    rebooked.aggregate_id,
    rebooked.posting_dates
from rebooked
inner join datalake_vault.applied_billing_charge as charge on rebooked.aggregate_id = charge.aggregateid
inner join report_oibl.new_tripica_results as list
    on
        charge.ouid::text = list.applied_billing_charge_ouid
        and list.aggregate_id is null
        -- The date of the booking is the last resort: an open item that has it took it from there.
        and rebooked.latest = list.balance_date
order by charge
