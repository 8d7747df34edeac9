-- warn: every due charge has a row for VAT or energy tax
-- Purpose: source check P7, defect D4: a charge without any such row is not in the list, silently. The check is an
--     audit because due charge types are the client's data, which init's scripts write.
-- Grain: one row per charge.
-- Sources: datalake_vault.applied_billing_charge, applied_billing_tax_rate; report_oibl.client_data_due_charge_type.
with charge_kind as (
    select distinct
        glid,
        coalesce(analyticaxis, '') as axis
    from datalake_vault.applied_billing_charge
),

due_kind as (
    select
        charge_kind.glid,
        charge_kind.axis
    from charge_kind
    where
        exists (
            select from report_oibl.client_data_due_charge_type as due
            where charge_kind.glid like due.glid and charge_kind.axis like due.analyticaxis
        )
        and not charge_kind.axis like '%cancellation%'
        and not (charge_kind.glid like '%MANUAL_BONUS' and charge_kind.axis like '%special%')
)

select
    charge.ouid as charge,
    charge.glid,
    charge.transactionid
from datalake_vault.applied_billing_charge as charge
inner join due_kind on charge.glid = due_kind.glid and coalesce(charge.analyticaxis, '') = due_kind.axis
where
    charge.datetimelastmodif >= timestamp '2019-07-31 00:00:00' at time zone 'Europe/Berlin'
    and not exists (
        select from datalake_vault.applied_billing_tax_rate as tax
        where
            charge.ouid = tax.appliedbillingchargeouid
            and tax.taxcategory in ('VAT', 'electricityTax', 'gasTax')
    )
order by charge
