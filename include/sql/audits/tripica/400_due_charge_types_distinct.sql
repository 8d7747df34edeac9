-- info: a charge matches one due charge type
-- Purpose: source check P18: a charge that matches two counts twice where cancelled items are looked for (defect D3,
--     kept). Manual bills always match two, by their own type and as bills; they are left out here.
-- Grain: one row per charge type (glid) and axis.
-- Sources: report_oibl.client_data_due_charge_type; datalake_vault.applied_billing_charge.
with charge_kind as (
    select
        glid,
        coalesce(analyticaxis, '') as axis,
        count(*) as charges
    from datalake_vault.applied_billing_charge
    group by glid, coalesce(analyticaxis, '')
)

select
    charge_kind.glid,
    charge_kind.axis,
    charge_kind.charges,
    string_agg(due.glid, ', ' order by due.glid, due.analyticaxis) as types
from charge_kind
inner join report_oibl.client_data_due_charge_type as due
    on charge_kind.glid like due.glid and charge_kind.axis like due.analyticaxis
group by charge_kind.glid, charge_kind.axis, charge_kind.charges
having
    count(*) > 1
    and string_agg(due.glid, ', ' order by due.glid collate "C") <> '%_BILL, %_MANUAL_BILL'
order by charge_kind.glid, charge_kind.axis
