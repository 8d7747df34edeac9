-- Purpose: the charges that a rule about dates looks at, taken out once: bills, bonuses, manual consumption,
--          overpayments, and charges that point at an earlier transaction (specification, sections 7, 10.2, 11
--          and 13).
-- Grain:   one row per charge.
-- Sources: datalake_vault.applied_billing_charge, base_data_charge_kinds.

drop table if exists report_oibl.base_data_noted_charges;
create unlogged table report_oibl.base_data_noted_charges as
select
    charge.ouid,
    charge.datetimecreate,
    (charge.datetimecreate at time zone 'Europe/Berlin')::date as created_on,
    charge.customerouid,
    charge.billingaccountouid,
    charge.settlementnoteadviceouid,
    charge.transactionid,
    charge.analyticaxis,
    charge.productname,
    charge.startdatetime,
    charge.enddatetime,
    charge.taxincludedamount,
    charge.accountingid,
    charge.characteristics ->> 'rejectedChargeTransactionId' as rejected_transactionid,
    charge.characteristics ->> 'partiallyPaidChargeTransactionId' as partially_paid_transactionid,
    kind.is_bill,
    kind.is_manual_consumption,
    kind.is_manual_bonus,
    kind.is_manual_bonus_refund,
    kind.is_manual_bonus_cancellation,
    kind.is_special_axis,
    kind.is_overpayment_credit,
    kind.is_overpayment_used,
    kind.is_overpayment_credit_rejected,
    kind.is_overpayment_refund_cancel
from datalake_vault.applied_billing_charge as charge
left join report_oibl.base_data_charge_kinds as kind
    on
        coalesce(charge.glid, '') = kind.glid_text
        and (charge.glid is null) = kind.glid_missing
        and coalesce(charge.analyticaxis, '') = kind.axis_text
where
    kind.is_bill
    or kind.is_manual_consumption
    or kind.is_manual_bonus
    or kind.is_manual_bonus_refund
    or kind.is_manual_bonus_cancellation
    or kind.is_overpayment_credit
    or kind.is_overpayment_used
    or kind.is_overpayment_credit_rejected
    or kind.is_overpayment_refund_cancel
    or charge.characteristics ->> 'rejectedChargeTransactionId' is not null
    or charge.characteristics ->> 'partiallyPaidChargeTransactionId' is not null;

analyze report_oibl.base_data_noted_charges;
