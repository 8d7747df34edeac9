-- Purpose: the plot of a synthetic vault: which kinds of events there are, how often, and what charges, balances and
--     payment requests each of them leaves behind. Every other file of this folder only multiplies these tables.
-- Grain: bench.kind one row per kind of event; the other tables one row per thing that one event makes.
-- Settings: bench.charges (number of charges), bench.seed. Everything is temporary: schema bench is dropped at the end.
-- Units: weight relative to the sum of all weights; amounts of the vault in cents.
create schema bench;

-- A fraction in [0, 1) that depends on nothing but its arguments and the seed: same seed, same vault, in any plan.
do $$
begin
    execute format(
        'create function bench.chance(number bigint, salt integer) returns double precision '
        'language sql immutable parallel safe as '
        '$f$ select (hashint8extended(number, %s * 1000 + salt) & 1048575) / 1048576.0::double precision $f$',
        current_setting('bench.seed')::bigint
    );
end
$$;

create table bench.kind (kind text primary key, weight integer not null);
insert into bench.kind (kind, weight) values
('instalment_paid', 300),
('instalment_paid_and_posted', 115),
('instalment_open', 70),
('instalment_cancelled', 35),
('instalments_cancelled_by_sum', 5),
('instalments_of_mixed_status', 20),
('instalment_without_balance', 20),
('rejected_once', 30),
('rejected_twice', 12),
('partly_paid', 18),
('yearly_bill', 280),
('yearly_bill_with_discount', 100),
('bill_cancelled', 18),
('bonus', 36),
('bonus_refunded', 6),
('fee', 20),
('manual_bill', 10),
('manual_consumption', 6),
('overpayment_used', 10),
('overpayment_moved', 12),
('overpayment_request_rejected', 4),
('written_off', 5),
('leased_appliance', 8),
-- The rarer claims, so that every due charge type of section 5.1 occurs.
('wallbox_service', 2),
('heat_pump_unit', 2),
('meter_blocked', 2),
('meter_unblocked', 2),
('blocking_letter', 2),
('migrated_bill', 3),
('overpayment_refunded', 3),
('cancellation_written_off', 2);

-- One row per charge of an event. txn: which of the event's transactions; glid: # stands for the product;
-- aggregate: which of the event's aggregates the charge is summed into (none: never posted);
-- tax: none = a VAT row of 0; refers: the characteristic that points to another transaction of the event.
create table bench.charge_template (
    kind text, pos integer, txn integer, glid text, axis text, sign integer, aggregate integer,
    tax text, refers text, refers_txn integer, advice boolean
);
insert into bench.charge_template values
('instalment_paid', 1, 0, '#_ABSCHLAG', 'abschlag', 1, null, 'vat', null, null, false),
('instalment_paid_and_posted', 1, 0, '#_ABSCHLAG', null, 1, null, 'vat', null, null, false),
('instalment_open', 1, 0, '#_ABSCHLAG', 'abschlag', 1, null, 'vat', null, null, false),
('instalment_cancelled', 1, 0, '#_ABSCHLAG', null, 1, null, 'vat', null, null, false),
('instalments_cancelled_by_sum', 1, 0, '#_ABSCHLAG', null, 1, null, 'vat', null, null, false),
('instalments_cancelled_by_sum', 2, 0, '#_ABSCHLAG', null, 1, null, 'vat', null, null, false),
('instalments_of_mixed_status', 1, 0, '#_ABSCHLAG', null, 1, null, 'vat', null, null, false),
('instalments_of_mixed_status', 2, 0, '#_ABSCHLAG', null, 1, null, 'vat', null, null, false),
('instalment_without_balance', 1, 0, '#_ABSCHLAG', '', 1, null, 'vat', null, null, false),
('rejected_once', 1, 0, '#_ABSCHLAG', null, 1, null, 'vat', null, null, false),
('rejected_once', 2, 0, '#_ABSCHLAG_REJECTED', null, 1, null, 'vat', null, null, false),
('rejected_once', 3, 1, '#_ABSCHLAG', null, 1, null, 'vat', 'rejectedChargeTransactionId', 0, false),
('rejected_once', 4, 1, 'BANK_FEE', null, 1, null, 'none', 'rejectedChargeTransactionId', 0, false),
('rejected_twice', 1, 0, '#_ABSCHLAG', null, 1, null, 'vat', null, null, false),
('rejected_twice', 2, 1, '#_ABSCHLAG', null, 1, null, 'vat', 'rejectedChargeTransactionId', 0, false),
('rejected_twice', 3, 2, '#_ABSCHLAG', null, 1, null, 'vat', 'rejectedChargeTransactionId', 1, false),
('partly_paid', 1, 0, '#_ABSCHLAG', null, 1, null, 'vat', null, null, false),
('partly_paid', 2, 1, '#_ABSCHLAG', null, 1, null, 'vat', 'partiallyPaidChargeTransactionId', 0, false),
('yearly_bill', 1, 0, '#_SUBSCRIPTION_BASE', 'subscription', 1, 1, 'vat', null, null, true),
('yearly_bill', 2, 0, '#_SUBSCRIPTION_BASE', 'subscription', 1, 1, 'vat', null, null, true),
('yearly_bill', 3, 0, '#_SUBSCRIPTION_WORK', 'subscription', 1, 2, 'vat and energy', null, null, true),
('yearly_bill', 4, 0, '#_SUBSCRIPTION_WORK', 'subscription', 1, 2, 'vat and energy', null, null, true),
('yearly_bill', 5, 0, '#_SUBSCRIPTION_WORK', 'subscription', 1, 2, 'vat and energy', null, null, true),
('yearly_bill', 6, 0, '#_BILL', 'bill', 1, null, 'none', null, null, true),
('yearly_bill_with_discount', 1, 0, '#_SUBSCRIPTION_BASE', 'subscription', 1, 1, 'vat', null, null, true),
('yearly_bill_with_discount', 2, 0, '#_CONSUMPTION', null, 1, 2, 'vat and energy', null, null, true),
('yearly_bill_with_discount', 3, 0, '#_DISCOUNT_NEUKUNDE', 'discount', -1, 3, 'vat', null, null, true),
('yearly_bill_with_discount', 4, 0, '#_BILL', null, 1, null, 'none', null, null, true),
('bill_cancelled', 1, 0, '#_SUBSCRIPTION_BASE', 'subscription.cancellation', -1, 1, 'vat', null, null, false),
('bill_cancelled', 2, 0, '#_SUBSCRIPTION_WORK', 'subscription.cancellation', -1, 2, 'vat and energy', null, null, false),
('bill_cancelled', 3, 0, '#_CANCELLATION_BALANCE', null, -1, null, 'none', null, null, false),
('bonus', 1, 0, '#_MANUAL_BONUS', 'bonus', 1, 1, 'vat', null, null, false),
('bonus_refunded', 1, 0, '#_MANUAL_BONUS', 'bonus', 1, 1, 'vat', null, null, false),
('bonus_refunded', 2, 0, '#_MANUAL_BONUS_REFUND', 'bonus', 1, null, 'vat', null, null, false),
('fee', 1, 0, 'DUNNING_FEE', null, 1, 1, 'none', null, null, false),
('manual_bill', 1, 0, '#_MANUAL_BILL', null, 1, null, 'none', null, null, false),
('manual_consumption', 1, 0, '#_MANUAL_CONSUMPTION', null, 1, 1, 'vat and energy', null, null, false),
('manual_consumption', 2, 0, '#_MANUAL_BILL', null, 1, null, 'none', null, null, false),
('overpayment_used', 1, 0, 'OVERPAYMENT_CREDIT', null, 1, null, 'none', null, null, false),
('overpayment_used', 2, 0, 'OVERPAYMENT_USED', null, 1, null, 'none', null, null, false),
('overpayment_moved', 1, 0, 'OVERPAYMENT_CREDIT', null, 1, null, 'none', null, null, false),
('overpayment_moved', 2, 1, 'OVERPAYMENT_USED', null, 1, null, 'none', null, null, false),
('overpayment_request_rejected', 1, 0, 'OVERPAYMENT_CREDIT', null, 1, null, 'none', null, null, false),
('written_off', 1, 0, '#_ABSCHLAG', null, 1, null, 'vat', null, null, false),
('leased_appliance', 1, 0, 'EPILOT_SOLAR_LEASE_PAY', null, 1, 1, 'vat', null, null, false),
('wallbox_service', 1, 0, 'EPILOT_WALLBOX_SERVICE_PAY', null, 1, null, 'vat', null, null, false),
('heat_pump_unit', 1, 0, 'EPILOT_HEATPUMP_UNIT_PAY', null, 1, null, 'vat', null, null, false),
('meter_blocked', 1, 0, 'METER_BLOCKING_ELEC_FEE', null, 1, null, 'vat', null, null, false),
('meter_unblocked', 1, 0, 'METER_UNBLOCKING_ELEC_FEE', null, 1, null, 'vat', null, null, false),
('blocking_letter', 1, 0, 'METER_BLOCKING_LETTER', null, 1, null, 'none', null, null, false),
('migrated_bill', 1, 0, '#_BILL_MIGRATION', null, 1, null, 'none', null, null, true),
('overpayment_refunded', 1, 0, 'OVERPAYMENT_REFUND', null, 1, null, 'none', null, null, false),
('cancellation_written_off', 1, 0, '#_CANCELLATION_BALANCE_WRITE_OFF', 'write-off', 1, null, 'none', null, null, false);

-- One row per balance of an event. of_pos: the charge whose gross amount it carries (none: all of the transaction);
-- aggregate: a payment that is posted.
create table bench.balance_template (
    kind text, pos integer, txn integer, status text, of_pos integer, lettered boolean, aggregate integer
);
insert into bench.balance_template values
('instalment_paid', 1, 0, 'DUE_LETTERED', 1, true, null),
('instalment_paid_and_posted', 1, 0, 'DUE_LETTERED', 1, true, null),
('instalment_paid_and_posted', 2, 1, 'PAID', 1, true, 1),
('instalment_open', 1, 0, 'DUE', 1, false, null),
('instalment_cancelled', 1, 0, 'DUE_CANCELLED', 1, false, null),
('instalments_cancelled_by_sum', 1, 0, 'DUE_CANCELLED', null, false, null),
('instalments_of_mixed_status', 1, 0, 'DUE', 1, false, null),
('instalments_of_mixed_status', 2, 0, 'DUE_LETTERED', 2, true, null),
('rejected_once', 1, 0, 'DUE_LETTERED', 1, true, null),
('rejected_once', 2, 1, 'DUE', 3, false, null),
('rejected_twice', 1, 0, 'DUE_CANCELLED', 1, false, null),
('rejected_twice', 2, 1, 'DUE_CANCELLED', 2, false, null),
('rejected_twice', 3, 2, 'DUE_LETTERED', 3, true, null),
('partly_paid', 1, 0, 'DUE_LETTERED', 1, true, null),
('partly_paid', 2, 1, 'DUE', 2, false, null),
('yearly_bill', 1, 0, 'DUE_LETTERED', 6, true, null),
('yearly_bill_with_discount', 1, 0, 'DUE', 4, false, null),
('fee', 1, 0, 'DUE', 1, false, null),
('manual_bill', 1, 0, 'DUE_CANCELLED', 1, false, null),
('overpayment_moved', 1, 0, 'CANCELLED', 1, false, null),
('overpayment_request_rejected', 1, 0, 'PAID', 1, false, null),
('written_off', 1, 0, 'DUE', 1, false, null),
('leased_appliance', 1, 0, 'DUE', 1, false, null),
('wallbox_service', 1, 0, 'DUE', 1, false, null),
('heat_pump_unit', 1, 0, 'DUE_LETTERED', 1, true, null),
('meter_blocked', 1, 0, 'DUE', 1, false, null);

-- One row per payment request of an event; item_of_txn: it refers to that transaction's balance.
create table bench.request_template (
    kind text, pos integer, txn integer, status text, event text, referredtype text, item_of_txn integer
);
insert into bench.request_template values
('instalment_paid_and_posted', 1, 0, 'DONE', null, 'BALANCE', 0),
('manual_consumption', 1, 0, 'DONE', null, null, null),
('rejected_once', 1, 0, 'REJECTED', null, null, null),
('overpayment_moved', 1, 1, 'DONE', null, 'CANCELLED_BALANCE', 0),
('overpayment_request_rejected', 1, 0, 'REJECTED', null, null, null),
('yearly_bill', 1, 0, 'DONE', 'migrated', null, null);
