-- fail: the bookings are those of the vault's posted charges, each with its amounts
-- Purpose: control by two routes: charges with a posted aggregate straight from the vault, and the charges that have
--     booking rows in the list. Nothing is lost, nothing appears from elsewhere.
-- Grain: one row per charge and reason.
-- Sources: datalake_vault.applied_billing_charge, applied_billing_tax_rate; report_oibl.data_sap_bookings,
--     new_tripica_results.
with posted as (
    select
        aggregate_id,
        -- A VAT line shows with the charges of its rate only (VAT link, 10.6); any other line with all charges.
        bool_or(
            tax_aggregate_ouid is null or amount_calculation is null or amount_calculation not in ('VAT', 'vat.Amount')
        ) as for_all
    from report_oibl.data_sap_bookings
    where aggregate_id <> ''
    group by aggregate_id
),

vault as (
    select
        charge.ouid::text as charge,
        posted.for_all,
        charge.taxincludedamount
        * case when charge.glid like 'OVERPAYMENT_CREDIT' or charge.glid like '%_MANUAL_BONUS' then -1 else 1 end
        / 100.0 as gross
    from datalake_vault.applied_billing_charge as charge
    inner join posted on charge.aggregateid = posted.aggregate_id
    where
        charge.datetimelastmodif >= timestamp '2019-07-31 00:00:00' at time zone 'Europe/Berlin'
        and charge.ouid in (
            select tax.appliedbillingchargeouid
            from datalake_vault.applied_billing_tax_rate as tax
            where tax.taxcategory in ('VAT', 'electricityTax', 'gasTax')
        )
),

-- The family of a row (section 15): charge bookings have an aggregate, no balance, and a tax row or null.
list as (
    select
        applied_billing_charge_ouid as charge,
        min(amount_gross) as lowest_gross,
        max(amount_gross) as highest_gross
    from report_oibl.new_tripica_results
    where aggregate_id is not null and billing_account_balance_ouid = '' and tax_item_ouid is distinct from ''
    group by applied_billing_charge_ouid
)

select
    coalesce(vault.charge, list.charge) as charge,
    case
        when list.charge is null then 'posted, but without booking in the list'
        when vault.charge is null then 'booking in the list, but not posted'
        else 'gross amount differs from the vault'
    end as reason,
    vault.gross as vault_gross,
    list.lowest_gross,
    list.highest_gross
from vault
full join list on vault.charge = list.charge
where
    list.charge is null and vault.for_all
    or vault.charge is null
    or list.lowest_gross <> vault.gross
    or list.highest_gross <> vault.gross
order by charge
