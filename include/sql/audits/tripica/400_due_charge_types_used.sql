-- info: every due charge type matches a charge
-- Purpose: source check P18: a type that matches nothing may be misspelt.
-- Grain: one row per type.
-- Sources: report_oibl.client_data_due_charge_type; datalake_vault.applied_billing_charge.
with charge_kind as (
    select distinct
        glid,
        coalesce(analyticaxis, '') as axis
    from datalake_vault.applied_billing_charge
)

select
    due.glid,
    due.analyticaxis
from report_oibl.client_data_due_charge_type as due
where
    not exists (
        select from charge_kind
        where charge_kind.glid like due.glid and charge_kind.axis like due.analyticaxis
    )
order by due.glid, due.analyticaxis
