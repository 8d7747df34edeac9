-- Purpose: due dates that a bill or a bonus carries itself (specification, section 7.5).
-- Grain:   one row per bill with a known settlement note advice, and per bonus with an axis that is not special.
-- Sources: base_data_noted_charges, datalake_vault.settlement_note_advice.

drop table if exists report_oibl.base_data_charge_specific_due_date;
create unlogged table report_oibl.base_data_charge_specific_due_date as
-- Bills: due as the advice says, else on the day that the advice was made.
select
    noted.ouid as charge_ouid,
    noted.transactionid,
    (coalesce(advice.paymentduedate, advice.datetimecreate) at time zone 'Europe/Berlin')::date as due_date
from report_oibl.base_data_noted_charges as noted
inner join datalake_vault.settlement_note_advice as advice on noted.settlementnoteadviceouid = advice.ouid
where noted.is_bill
union all
-- Bonuses: due on the day that they were made; not those without axis.
select
    ouid,
    transactionid,
    created_on
from report_oibl.base_data_noted_charges
where is_manual_bonus and analyticaxis is not null and not is_special_axis;

analyze report_oibl.base_data_charge_specific_due_date;
