-- Purpose: the charges as the list shows them, with customer, amounts and taxes (specification, sections 10.1 to 10.3).
--          Due date and balance date are shown on open items only: see the script of the open items.
-- Grain:   distinct rows of a charge and its accounts: one row per charge, more for several logins or relationships.
--          charge_row numbers them: by charge, login and MBA, so that the first row of a charge is the one to show
--          where only one may be shown (section 17: lowest login, lowest MBA name).
-- Sources: datalake_vault.settlement_note_advice; base_data_accounts, base_data_charges_with_kind, base_data_taxes,
--          base_data_manual_bill_ids, base_data_write_offs.

drop table if exists report_oibl.data_charges;
create unlogged table report_oibl.data_charges as
with charge as (
    select distinct
        charge.ouid as applied_billing_charge_ouid,
        account.login_ouid,
        account.mba collate "C" as mba,
        account.cba collate "C" as cba,
        account.migration_flag collate "C" as migration_flag,
        coalesce(advice.id, manual_bill.bill_id) collate "C" as bill_id,
        account.billing_account_ouid,
        account.customer_id,
        (charge.datetimecreate at time zone 'Europe/Berlin')::date as datetimecreate,
        charge.transactionid,
        charge.glid,
        charge.analyticaxis,
        charge.aggregateid,
        charge.accountingid,
        -- Amounts: cents / 100; gross and net of credit-like glids change their sign, VAT and energy tax do not
        -- (oddity D11, kept).
        (charge.taxexcludedamount * case when charge.is_credit_like then -0.01 else 0.01 end)::numeric(20, 2)
            as taxexcludedamount,
        (charge.taxincludedamount * case when charge.is_credit_like then -0.01 else 0.01 end)::numeric(20, 2)
            as taxincludedamount,
        tax.taxamount,
        tax.energytaxamount,
        write_off.write_off_date,
        write_off.write_off_reason,
        write_off.write_off_note,
        account.dunning_lock_until,
        account.dunning_lock_reason,
        account.dunning_status,
        account.dunning_scenario,
        account.dunning_level,
        -- What the rules of bookings and open items ask of the kind of charge.
        charge.can_be_due and charge.due_patterns > 0 as is_open_item,
        charge.is_fee,
        charge.is_cancellation_balance,
        charge.is_overpayment_credit or charge.is_overpayment_used as is_overpayment,
        charge.is_discount,
        charge.is_manual_bonus,
        charge.is_subscription,
        charge.is_epilot,
        charge.is_cancellation_axis,
        charge.is_write_off_axis,
        charge.settlementnoteadviceouid is not null as has_advice_number,
        charge.datetimelastmodif
    from report_oibl.base_data_charges_with_kind as charge
    -- A charge without any VAT or energy tax row is not in the report (oddity D4, kept; a precheck lists them).
    inner join report_oibl.base_data_taxes as tax on charge.ouid = tax.appliedbillingchargeouid
    left join report_oibl.base_data_accounts as account on charge.billingaccountouid = account.billing_account_ouid
    left join datalake_vault.settlement_note_advice as advice on charge.settlementnoteadviceouid = advice.ouid
    left join report_oibl.base_data_manual_bill_ids as manual_bill on charge.transactionid = manual_bill.transactionid
    left join report_oibl.base_data_write_offs as write_off on charge.ouid = write_off.charge_ouid
    -- Cut-off of charges: last modified after 2019-07-30, Berlin day (oddity D19, kept).
    where charge.datetimelastmodif >= timestamp '2019-07-31 00:00:00' at time zone 'Europe/Berlin'
    order by applied_billing_charge_ouid, login_ouid, mba, cba, migration_flag, bill_id
)

select
    row_number() over (order by applied_billing_charge_ouid) as charge_row,
    charge.*
from charge;

-- The list joins its lines in the order of this number.
create unique index on report_oibl.data_charges (charge_row);

-- The columns that later scripts select and join by.
analyze report_oibl.data_charges (
    charge_row, applied_billing_charge_ouid, billing_account_ouid, transactionid, aggregateid, glid, is_open_item
);
