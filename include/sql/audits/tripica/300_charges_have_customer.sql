-- warn: every row of a charge names its customer and its master account
-- Purpose: result check V16: nobody can be asked for money that has no owner.
-- Grain: one row per charge.
-- Sources: report_oibl.new_tripica_results.
select distinct
    applied_billing_charge_ouid as charge,
    glid,
    case when mba is null then 'no master account' else 'no customer' end as reason
from report_oibl.new_tripica_results
where applied_billing_charge_ouid <> '' and (mba is null or coalesce(customer_id, '') = '')
order by charge
