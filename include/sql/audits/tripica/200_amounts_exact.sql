-- fail: no amount has more than two decimals
-- Purpose: result check V19: files show the amounts without loss. Columns declared numeric(..., 2) cannot hold more, so
--     rows are read only if one of the six is declared otherwise.
-- Grain: one row per row of the list.
-- Sources: report_oibl.new_tripica_results.
select
    aggregate_id,
    applied_billing_charge_ouid as charge,
    amount_net,
    amount_gross,
    amount_vat,
    amount_energy_tax,
    booking_debit_amount,
    booking_credit_amount
from report_oibl.new_tripica_results
where
    (
        select count(*)
        from pg_attribute
        where
            pg_attribute.attrelid = 'report_oibl.new_tripica_results'::regclass
            and pg_attribute.attname in (
                'amount_net', 'amount_gross', 'amount_vat', 'amount_energy_tax', 'booking_debit_amount',
                'booking_credit_amount'
            )
            and format_type(pg_attribute.atttypid, pg_attribute.atttypmod) like 'numeric(%,2)'
    ) < 6
    and (
        amount_net <> round(amount_net, 2)
        or amount_gross <> round(amount_gross, 2)
        or amount_vat <> round(amount_vat, 2)
        or amount_energy_tax <> round(amount_energy_tax, 2)
        or booking_debit_amount <> round(booking_debit_amount, 2)
        or booking_credit_amount <> round(booking_credit_amount, 2)
    )
order by aggregate_id, charge
