-- Purpose: the charges that a rule about dates looks at, taken out once: bills, bonuses, manual consumption,
--          overpayments, and charges that point at an earlier transaction (specification, sections 7, 10.2, 11
--          and 13).
-- Grain:   one row per 
-- Sources: base_data_charges_with_kind.

drop table if exists report_oibl.base_data_noted_charges;
create unlogged table report_oibl.base_data_noted_charges as
select
    ouid,
    datetimecreate,
    (datetimecreate at time zone 'Europe/Berlin')::date as created_on,
    customerouid,
    billingaccountouid,
    settlementnoteadviceouid,
    transactionid,
    analyticaxis,
    productname,
    startdatetime,
    enddatetime,
    taxincludedamount,
    accountingid,
    rejected_transactionid,
    partially_paid_transactionid,
    is_bill,
    is_manual_consumption,
    is_manual_bonus,
    is_manual_bonus_refund,
    is_manual_bonus_cancellation,
    is_special_axis,
    is_overpayment_credit,
    is_overpayment_used,
    is_overpayment_credit_rejected,
    is_overpayment_refund_cancel
from report_oibl.base_data_charges_with_kind
where
    is_bill
    or is_manual_consumption
    or is_manual_bonus
    or is_manual_bonus_refund
    or is_manual_bonus_cancellation
    or is_overpayment_credit
    or is_overpayment_used
    or is_overpayment_credit_rejected
    or is_overpayment_refund_cancel
    or rejected_transactionid is not null
    or partially_paid_transactionid is not null;

analyze report_oibl.base_data_noted_charges;
