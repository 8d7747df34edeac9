-- warn: an aggregate's bookings in the list are what the journal exported
-- Purpose: control totals by two routes: the list derives amounts from charges and balances, the journal wrote down
--     what it posted. Differences are those of V8, unknown formulas, and accounts with several logins (defect D2).
-- Grain: one row per aggregate that differs, the largest difference first. Amounts in euros.
-- Sources: report_oibl.data_sap_bookings, base_data_bbtax, new_tripica_results.
with journal as (
    select
        aggregate_id,
        sum(amount) filter (where newbs = '40') / 100.0 as debit,
        sum(amount) filter (where newbs = '50') / 100.0 as credit
    from (
        select
            aggregate_id,
            newbs,
            -- Without its comma the German text with two decimals is the number of cents.
            replace(wrbed_aggregate, ',', '')::bigint as amount
        from report_oibl.data_sap_bookings
        where aggregate_id <> ''

        union all

        select
            aggregate_id,
            newbs,
            replace(wrbed, ',', '')::bigint as amount
        from report_oibl.base_data_bbtax
        where
            aggregate_id <> ''
            and xblnr like any(array['BR_TRPC%', 'BR_REBK%', 'BR_CANC%', 'BR_MAN%'])
    ) as line
    group by aggregate_id
),

list as (
    select
        aggregate_id,
        sum(booking_debit_amount) as debit,
        sum(booking_credit_amount) as credit,
        count(*) over () as aggregates
    from report_oibl.new_tripica_results
    -- Allocated payments are compared by their own check.
    where aggregate_id <> '' and billing_account_balance_ouid is not null
    group by aggregate_id
    -- Tax bookings of charges that are not in the list stand alone (defect D14).
    having bool_and(applied_billing_charge_ouid <> '' or billing_account_balance_ouid <> '')
)

select
    list.aggregate_id,
    journal.debit as journal_debit,
    list.debit as list_debit,
    journal.credit as journal_credit,
    list.credit as list_credit,
    round(100.0 * (count(*) over ()) / list.aggregates, 2) as percent_of_aggregates
from list
left join journal on list.aggregate_id = journal.aggregate_id
where
    coalesce(journal.debit, 0) <> coalesce(list.debit, 0)
    or coalesce(journal.credit, 0) <> coalesce(list.credit, 0)
order by
    abs(coalesce(journal.debit, 0) - coalesce(list.debit, 0))
    + abs(coalesce(journal.credit, 0) - coalesce(list.credit, 0)) desc,
    list.aggregate_id asc
