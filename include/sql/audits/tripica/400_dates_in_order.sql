-- info: an open item is settled after it was created, and due between 2000 and five years from now
-- Purpose: result check V11. A balance date before the creation day is possible: raised again, settled before.
-- Grain: one row per type (glid) and reason.
-- Sources: report_oibl.new_tripica_results.
-- Settings: bda.as_of (else today in Berlin).
select
    glid,
    reason,
    count(*) as rows,
    min(charge) as example_charge
from (
    select
        glid,
        applied_billing_charge_ouid as charge,
        case
            when balance_date < date_created then 'balance date before creation'
            when due_date < date '2000-01-01' then 'due before 2000'
            when
                due_date
                > coalesce(
                    nullif(current_setting('bda.as_of', true), '')::date, (now() at time zone 'Europe/Berlin')::date
                ) + 1826
                then 'due in more than five years'
        end as reason
    from report_oibl.new_tripica_results
    where aggregate_id is null
) as open_item
where reason is not null
group by glid, reason
order by glid, reason
