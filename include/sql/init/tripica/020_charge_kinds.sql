-- Purpose: what the patterns of the report say about each kind of charge; each pattern is tested once per kind, not
--          once per charge, and is written here only.
-- Grain:   one row per distinct glid (null is one of its own) and axis text (null read as empty).
-- Sources: datalake_vault.applied_billing_charge, client_data_due_charge_type.
-- Join:    kind.glid_text = coalesce(charge.glid, '') and kind.glid_missing = (charge.glid is null)
--          and kind.axis_text = coalesce(charge.analyticaxis, '')
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
