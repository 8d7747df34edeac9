-- fail: the open items are the vault's due charges, in number and in every amount
-- Purpose: result check V2, control totals by two routes: straight from the charges and tax rows of the vault, and from
--     the list. Nothing is lost or doubled on the way.
-- Grain: one row per charge type (glid) whose numbers differ. Amounts in euros.
-- Sources: datalake_vault.applied_billing_charge, applied_billing_tax_rate; report_oibl.client_data_due_charge_type,
--     new_tripica_results.
with charge_kind as (
    select distinct
        glid,
        coalesce(analyticaxis, '') as axis
    from datalake_vault.applied_billing_charge
),

due_kind as (
    select
        charge_kind.glid,
        charge_kind.axis,
        -- "Credit-like glid": stored positive, owed to the customer.
        case
            when charge_kind.glid like 'OVERPAYMENT_CREDIT' or charge_kind.glid like '%_MANUAL_BONUS' then -1 else 1
        end as direction
    from charge_kind
    where
        exists (
            select from report_oibl.client_data_due_charge_type as due
            where charge_kind.glid like due.glid and charge_kind.axis like due.analyticaxis
        )
        -- can_be_due (10.1).
        and not charge_kind.axis like '%cancellation%'
        and not (charge_kind.glid like '%MANUAL_BONUS' and charge_kind.axis like '%special%')
),

due_charge as materialized (
    select
        charge.ouid,
        charge.glid,
        charge.taxexcludedamount * due_kind.direction as net,
        charge.taxincludedamount * due_kind.direction as gross
    from datalake_vault.applied_billing_charge as charge
    inner join due_kind on charge.glid = due_kind.glid and coalesce(charge.analyticaxis, '') = due_kind.axis
    -- The cut-off of charges is by modification.
    where charge.datetimelastmodif >= timestamp '2019-07-31 00:00:00' at time zone 'Europe/Berlin'
),

vault as (
    select
        due_charge.glid,
        count(*) as charges,
        sum(due_charge.net) / 100.0 as net,
        sum(due_charge.gross) / 100.0 as gross
    from due_charge
    -- Charges without any row of the three categories are not in the list (10.3).
    where
        due_charge.ouid in (
            select tax.appliedbillingchargeouid
            from datalake_vault.applied_billing_tax_rate as tax
            where tax.taxcategory in ('VAT', 'electricityTax', 'gasTax')
        )
    group by due_charge.glid
),

vault_tax as (
    select
        due_charge.glid,
        sum(tax.amount) filter (where tax.taxcategory = 'VAT') / 100.0 as vat,
        sum(tax.amount) filter (where tax.taxcategory <> 'VAT') / 100.0 as energy
    from due_charge
    inner join datalake_vault.applied_billing_tax_rate as tax on due_charge.ouid = tax.appliedbillingchargeouid
    where tax.taxcategory in ('VAT', 'electricityTax', 'gasTax')
    group by due_charge.glid
),

list as (
    select
        glid,
        count(*) as charges,
        sum(amount_net) as net,
        sum(amount_gross) as gross,
        sum(amount_vat) as vat,
        sum(amount_energy_tax) as energy
    from report_oibl.new_tripica_results
    where aggregate_id is null
    group by glid
)

select
    coalesce(vault.glid, list.glid) as glid,
    vault.charges as vault_charges,
    list.charges as list_charges,
    vault.gross as vault_gross,
    list.gross as list_gross,
    concat_ws(
        ', ',
        case when vault.charges is distinct from list.charges then 'number' end,
        case when coalesce(vault.net, 0) <> coalesce(list.net, 0) then 'net' end,
        case when coalesce(vault.gross, 0) <> coalesce(list.gross, 0) then 'gross' end,
        case when coalesce(vault_tax.vat, 0) <> coalesce(list.vat, 0) then 'VAT' end,
        case when coalesce(vault_tax.energy, 0) <> coalesce(list.energy, 0) then 'energy tax' end
    ) as differing
from vault
full join list on vault.glid = list.glid
left join vault_tax on vault.glid = vault_tax.glid
where
    vault.charges is distinct from list.charges
    or coalesce(vault.net, 0) <> coalesce(list.net, 0)
    or coalesce(vault.gross, 0) <> coalesce(list.gross, 0)
    or coalesce(vault_tax.vat, 0) <> coalesce(list.vat, 0)
    or coalesce(vault_tax.energy, 0) <> coalesce(list.energy, 0)
order by glid
