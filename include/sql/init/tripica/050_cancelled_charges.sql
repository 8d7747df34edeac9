-- Purpose: claims whose balance was cancelled, and cancelled bonuses (specification, section 13).
-- Grain:   distinct pairs of charge and instant of the cancellation.
-- Sources: datalake_vault.billing_account_balance; base_data_charges_with_kind, base_data_noted_charges.

drop table if exists report_oibl.base_data_due_cancelled_balances;
create unlogged table report_oibl.base_data_due_cancelled_balances as
-- Balances: numbered within transaction and amount.
select
    ouid,
    transactionid,
    amount,
    datetimelastmodif,
    count(*) over (partition by transactionid, amount order by ouid) as n
from datalake_vault.billing_account_balance
where status = 'DUE_CANCELLED' and transactionid is not null;

analyze report_oibl.base_data_due_cancelled_balances;

-- Candidates: charges without aggregate (an empty one does not count) of a due type, once per matching pattern: a
-- manual bill counts twice in sum and number (oddity D3, kept). Only transactions with a cancelled balance matter.
drop table if exists report_oibl.base_data_due_cancelled_charges;
create unlogged table report_oibl.base_data_due_cancelled_charges as
select
    charge.ouid,
    charge.transactionid,
    charge.taxincludedamount,
    sum(charge.taxincludedamount) over (partition by charge.transactionid) as transaction_amount,
    count(*) over (partition by charge.transactionid, charge.taxincludedamount order by charge.ouid) as n
from report_oibl.base_data_charges_with_kind as charge
cross join lateral generate_series(1, charge.due_patterns)
where
    charge.aggregateid is null
    and charge.transactionid in (
        select balance.transactionid
        from report_oibl.base_data_due_cancelled_balances as balance
    );

analyze report_oibl.base_data_due_cancelled_charges;

drop table if exists report_oibl.data_due_cancelled_charges;
create unlogged table report_oibl.data_due_cancelled_charges as
-- The n-th charge of an amount and the n-th cancelled balance of it, or a balance over the sum of all charges.
select
    charge.ouid,
    balance.datetimelastmodif
from report_oibl.base_data_due_cancelled_charges as charge
inner join report_oibl.base_data_due_cancelled_balances as balance
    on charge.transactionid = balance.transactionid
where
    (charge.taxincludedamount = balance.amount and charge.n = balance.n)
    or charge.transaction_amount = balance.amount
union
-- Bonus cancelled: by a charge of the same account, customer and amount without sign, in any transaction.
select
    bonus.ouid,
    cancellation.datetimecreate
from report_oibl.base_data_noted_charges as bonus
inner join report_oibl.base_data_noted_charges as cancellation
    on
        bonus.billingaccountouid = cancellation.billingaccountouid
        and bonus.customerouid = cancellation.customerouid
        and abs(bonus.taxincludedamount) = abs(cancellation.taxincludedamount)
where bonus.is_manual_bonus and cancellation.is_manual_bonus_cancellation;

analyze report_oibl.data_due_cancelled_charges;
