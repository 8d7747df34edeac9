-- Purpose: the charges, each with what the patterns of the report say about its kind. Each pattern is tested once per
--          kind, not once per charge, and is written here only.
-- Grain:   base_data_charge_kinds: one row per distinct glid (null is one of its own) and axis text (null read as
--          empty). base_data_charges_with_kind: one row per charge; amounts in cents.
-- Sources: datalake_vault.applied_billing_charge, client_data_due_charge_type.
--
-- Patterns match the whole text, with case; an underscore is any one character (oddity D16, kept). No text matches
-- nothing.

drop table if exists report_oibl.base_data_charge_kinds;
create unlogged table report_oibl.base_data_charge_kinds as
with kind as (
    select distinct
        glid,
        coalesce(analyticaxis, '') as axis
    from datalake_vault.applied_billing_charge
)

select
    coalesce(kind.glid, '') as glid_text,
    kind.glid is null as glid_missing,
    kind.axis as axis_text,

    -- Due charge types (section 5.1): number of patterns that match; %_MANUAL_BILL matches two (oddity D3, kept).
    (
        select count(*)
        from report_oibl.client_data_due_charge_type as due_type
        where kind.glid like due_type.glid and kind.axis like due_type.analyticaxis
    )::integer as due_patterns,

    -- Can be due (section 10.1): not special bonuses, not cancellations.
    coalesce(not (kind.glid like '%MANUAL_BONUS' and kind.axis like '%special%'), true)
    and kind.axis not like '%cancellation%' as can_be_due,

    -- Credit-like glid (section 2): stored positive, owed to the customer.
    coalesce(kind.glid like 'OVERPAYMENT_CREDIT' or kind.glid like '%_MANUAL_BONUS', false) as is_credit_like,

    -- Families of glids that the date rules name (sections 7, 10, 11, 13).
    coalesce(kind.glid like '%_FEE', false) as is_fee,
    coalesce(kind.glid like '%_CANCELLATION_BALANCE', false) as is_cancellation_balance,
    coalesce(kind.glid like '%_BILL' or kind.glid like '%_BILL_MIGRATION', false) as is_bill,
    coalesce(kind.glid like '%_MANUAL_CONSUMPTION', false) as is_manual_consumption,
    coalesce(kind.glid like '%_MANUAL_BONUS', false) as is_manual_bonus,
    coalesce(kind.glid like '%_MANUAL_BONUS_REFUND', false) as is_manual_bonus_refund,
    coalesce(kind.glid like '%_MANUAL_BONUS_CANCELLATION', false) as is_manual_bonus_cancellation,

    -- Overpayments (section 11): these glids exactly, no patterns.
    coalesce(kind.glid = 'OVERPAYMENT_CREDIT', false) as is_overpayment_credit,
    coalesce(kind.glid = 'OVERPAYMENT_USED', false) as is_overpayment_used,
    coalesce(kind.glid = 'OVERPAYMENT_CREDIT_REJECTED', false) as is_overpayment_credit_rejected,
    coalesce(kind.glid = 'OVERPAYMENT_REFUND_CANCEL', false) as is_overpayment_refund_cancel,

    -- Families that the amount rules name (section 14.2).
    coalesce(kind.glid like '%_DISCOUNT_%', false) as is_discount,
    coalesce(kind.glid like '%_SUBSCRIPTION_%', false) as is_subscription,
    coalesce(kind.glid like 'EPILOT_%', false) as is_epilot,
    kind.axis like '%special%' as is_special_axis,
    kind.axis like '%cancellation%' as is_cancellation_axis,
    kind.axis like '%write-off%' as is_write_off_axis
from kind;

analyze report_oibl.base_data_charge_kinds;

drop table if exists report_oibl.base_data_charges_with_kind;
create unlogged table report_oibl.base_data_charges_with_kind as
select
    charge.ouid,
    charge.datetimecreate,
    charge.datetimelastmodif,
    charge.customerouid,
    charge.billingaccountouid,
    charge.settlementnoteadviceouid,
    charge.transactionid,
    charge.glid,
    charge.analyticaxis,
    charge.productname,
    charge.startdatetime,
    charge.enddatetime,
    charge.taxexcludedamount,
    charge.taxincludedamount,
    charge.aggregateid,
    charge.accountingid,
    charge.characteristics ->> 'rejectedChargeTransactionId' as rejected_transactionid,
    charge.characteristics ->> 'partiallyPaidChargeTransactionId' as partially_paid_transactionid,
    kind.due_patterns,
    kind.can_be_due,
    kind.is_credit_like,
    kind.is_fee,
    kind.is_cancellation_balance,
    kind.is_bill,
    kind.is_manual_consumption,
    kind.is_manual_bonus,
    kind.is_manual_bonus_refund,
    kind.is_manual_bonus_cancellation,
    kind.is_overpayment_credit,
    kind.is_overpayment_used,
    kind.is_overpayment_credit_rejected,
    kind.is_overpayment_refund_cancel,
    kind.is_discount,
    kind.is_subscription,
    kind.is_epilot,
    kind.is_special_axis,
    kind.is_cancellation_axis,
    kind.is_write_off_axis
from datalake_vault.applied_billing_charge as charge
inner join report_oibl.base_data_charge_kinds as kind
    on
        coalesce(charge.glid, '') = kind.glid_text
        and (charge.glid is null) = kind.glid_missing
        and coalesce(charge.analyticaxis, '') = kind.axis_text;

-- The columns that later scripts select and join by: the others would take most of the time.
analyze report_oibl.base_data_charges_with_kind (
    ouid, datetimelastmodif, billingaccountouid, settlementnoteadviceouid, transactionid, aggregateid
);
