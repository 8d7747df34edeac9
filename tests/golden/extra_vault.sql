-- Purpose: more scenarios on top of the sample vault. Most are decoys: rows that a broken rule would pick up and the
--          specified rules leave alone, so that the expected list stays as it is. The few that change the list are
--          followed by the changed rows, derived by hand, in extra_expected.sql.

-- X01 (6) a lesser value of the same metadata key.
insert into bookkeeper_vault.journal_entry_item_account_metadata
select gen_random_uuid(), journal_entry_items_uuid, type, key, '!'
from bookkeeper_vault.journal_entry_item_account_metadata;

-- X02 (6.2) a tax line of the other sign than its posting line; a tax line without source. Document of no listed kind.
insert into bookkeeper_vault.summaries values
('00000000-0000-0000-0000-000000000001', '2024-05-01 10:00', '2024-05-01 11:00', true);
insert into bookkeeper_vault.journal_entries values
('00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-000000000001', 'XX-1', '2024-05-01');
insert into bookkeeper_vault.journal_entry_items values
('00000000-0000-0000-0000-000000000003', '00000000-0000-0000-0000-000000000002', '1', 100);
insert into bookkeeper_vault.journal_entry_item_taxes values
('00000000-0000-0000-0000-000000000004', '00000000-0000-0000-0000-000000000003', -19),
('00000000-0000-0000-0000-000000000005', '00000000-0000-0000-0000-000000000003', -7);
insert into bookkeeper_vault.journal_entry_item_tax_sources values
('00000000-0000-0000-0000-000000000006', '00000000-0000-0000-0000-000000000004');

-- X03 (2, 7.3) charges made half an hour after midnight in Berlin, still the day before in UTC.
update datalake_vault.applied_billing_charge
set datetimecreate = (
    date_trunc('day', datetimecreate at time zone 'Europe/Berlin') + interval '30 minutes'
) at time zone 'Europe/Berlin'
where glid is null or glid not like '%CONSUMPTION';

-- X04 (7.3 step 3) early payment requests of transactions that are no manual consumption.
insert into datalake_vault.payment_request (ouid, transactionid, status, daterequest, datetimelastmodif)
select
    row_number() over () + 990000000,
    transactionid,
    'ACCEPTED',
    '2001-01-01 12:00+00',
    '2024-01-01 12:00+00'
from datalake_vault.applied_billing_charge
group by transactionid
having transactionid is not null and bool_and(glid not like '%MANUAL_CONSUMPTION' and glid not like 'OVERPAYMENT%');

-- X05 (7.5) beside a cancellation balance: a charge with an early advice that is no bill, an early special bonus, and an
-- early bonus without axis. Without tax rows they are not in the list themselves.
insert into datalake_vault.settlement_note_advice values (1, 'DECOY', '2001-01-01 12:00+00', '2001-01-01 12:00+00');
insert into datalake_vault.applied_billing_charge (
    ouid, datetimecreate, datetimelastmodif, settlementnoteadviceouid, transactionid, glid, analyticaxis, aggregateid
)
values
(1, '2001-01-01 12:00+00', '2024-01-01 12:00+00', 1, 'xa5-4367-000091', 'OVERPAYMENT_REFUND_CANCEL', null, 'decoy'),
(2, '2001-01-01 12:00+00', '2024-01-01 12:00+00', null, 'xa5-4441-000093', 'ELEC_MANUAL_BONUS', 'x.special', 'decoy'),
(3, '2001-01-01 12:00+00', '2024-01-01 12:00+00', null, 'xa5-4441-000093', 'ELEC_MANUAL_BONUS', null, 'decoy');

-- X06 (10.1) special axis of a charge that is no bonus (A01).
update datalake_vault.applied_billing_charge set analyticaxis = 'x.special' where transactionid = 'xa5-3037-000001';

-- X07 (10.2) products of another account, another name, and of a charge that is no manual consumption (B01).
insert into datalake_vault.product (
    ouid, name, billingaccountouid, orderdate, startdatetime, enddatetime, characteristics
)
select ouid - 50000000, name, 1, orderdate, startdatetime, enddatetime, '{"billId": "DECOY"}'::jsonb
from datalake_vault.product
where characteristics ? 'billId'
union all
select ouid - 40000000, 'other', billingaccountouid, orderdate, startdatetime, enddatetime, '{"billId": "DECOY"}'::jsonb
from datalake_vault.product
where characteristics ? 'billId';
update datalake_vault.applied_billing_charge
set productname = 'decoy', startdatetime = '2020-01-01 00:00+00', enddatetime = '2021-01-01 00:00+00'
where transactionid = 'xa5-4515-000095';
insert into datalake_vault.product
select 2, productname, billingaccountouid, datetimecreate, startdatetime, enddatetime, '{"billId": "DECOY"}'::jsonb
from datalake_vault.applied_billing_charge
where transactionid = 'xa5-4515-000095';

-- X08 (10.4, 10.5) VAT of zero in an aggregate with energy tax (H50); energy tax at the rate of the VAT.
update datalake_vault.applied_billing_tax_rate set amount = 0
where appliedbillingchargeouid = 600000297 and taxcategory = 'VAT';
update datalake_vault.applied_billing_tax_rate as energy set taxrate = vat.taxrate
from datalake_vault.applied_billing_tax_rate as vat
where
    energy.appliedbillingchargeouid = 600000297 and energy.taxcategory <> 'VAT'
    and vat.appliedbillingchargeouid = 600000297 and vat.taxcategory = 'VAT';
update datalake_vault.tax_aggregate as energy set taxrate = vat.taxrate
from datalake_vault.tax_aggregate as vat
where
    energy.taxcategory <> 'VAT' and vat.taxcategory = 'VAT' and energy.chargeaggregateouid = vat.chargeaggregateouid
    and vat.chargeaggregateouid = (
        select charge_aggregate.ouid
        from datalake_vault.charge_aggregate
        inner join datalake_vault.applied_billing_charge using (aggregateid)
        where applied_billing_charge.ouid = 600000297
    );

-- X09 (11.6) the request of C13 pays a balance of another amount than the credit, and one of another account's credit.
insert into datalake_vault.billing_account_balance (ouid, billingaccountouid, transactionid, status, amount)
values
(3, 20000028, 'xa5-3958-000134', 'BALANCE_CANCELLED', 777),
(4, 20000028, 'xa5-3958-000134', 'BALANCE_CANCELLED', 888);
insert into datalake_vault.payment_item (ouid, paymentouid, referredouid, referredtype, amount)
values (3, 420000019, 3, 'CANCELLED_BALANCE', 777), (4, 420000019, 4, 'CANCELLED_BALANCE', 888);
insert into datalake_vault.applied_billing_charge (
    ouid, datetimecreate, datetimelastmodif, billingaccountouid, transactionid, glid, taxincludedamount, aggregateid
)
values
(4, '2001-01-01 12:00+00', '2024-01-01 12:00+00', 1, 'xa5-3958-000134', 'OVERPAYMENT_CREDIT', 888, 'decoy');

-- X10 (12) a payment of an unknown account (J01).
update datalake_vault.billing_account_balance set billingaccountouid = 999 where transactionid = 'xa5-3841-000293';

-- X11 (13) a cancellation of another account's bonus (B01).
insert into datalake_vault.applied_billing_charge (
    ouid, datetimecreate, datetimelastmodif, customerouid, billingaccountouid, transactionid, glid, taxincludedamount,
    aggregateid
)
values
(
    5, '2001-01-01 12:00+00', '2024-01-01 12:00+00', 40000024, 1, 'decoy', 'ELEC_MANUAL_BONUS_CANCELLATION', 59941,
    'decoy'
);

-- X12 (14.2, R05) a cancelled bonus booked in the window of early November 2020 on an account 4... (H18).
insert into bookkeeper_vault.summaries values
('00000000-0000-0000-0000-000000000007', '2020-11-05 10:00', '2020-11-05 11:00', true);
update bookkeeper_vault.journal_entries set summaries_uuid = '00000000-0000-0000-0000-000000000007'
where id = 'BR_TRPC-012019';
update bookkeeper_vault.journal_entry_items as item set account = '41990000'
from bookkeeper_vault.journal_entries as entry
where item.journal_entries_uuid = entry.uuid and entry.id = 'BR_TRPC-012019' and item.account = '10000049';

-- X13 (14.2, R16) a net line of an aggregate whose net and gross have different signs (H78).
update bookkeeper_vault.journal_entry_item_source_items as source_item set amount_formula = 'VATExcludedAmount'
from
    bookkeeper_vault.journal_entry_item_sources as source,
    bookkeeper_vault.journal_entry_items as item,
    bookkeeper_vault.journal_entries as entry
where
    source_item.journal_entry_item_sources_uuid = source.uuid and source.journal_entry_items_uuid = item.uuid
    and item.journal_entries_uuid = entry.uuid and entry.id = 'BR_TRPC-012037' and item.account = '80120040';

-- X14 (14.1) an ignored charge with an empty aggregate id, which has booking days too (E01).
update datalake_vault.applied_billing_charge set aggregateid = '' where transactionid = 'xa5-4439-000147';

-- X15 (14.3) a payment line without account; a payment line whose source counts twice (J01).
update bookkeeper_vault.journal_entry_items as item set account = null
from bookkeeper_vault.journal_entries as entry
where item.journal_entries_uuid = entry.uuid and entry.id = 'BR_TRPC-012085' and item.account = '14000000';
insert into bookkeeper_vault.journal_entry_item_source_items
select source_item.*
from bookkeeper_vault.journal_entry_item_source_items as source_item
inner join bookkeeper_vault.journal_entry_item_sources as source
    on source_item.journal_entry_item_sources_uuid = source.uuid
inner join bookkeeper_vault.journal_entry_items as item on source.journal_entry_items_uuid = item.uuid
inner join bookkeeper_vault.journal_entries as entry on item.journal_entries_uuid = entry.uuid
where entry.id = 'BR_TRPC-012085' and item.account = '18100010';

-- X16 (14.5) payments without payment or state, with a document of May 2024; a payment line without account.
insert into paymentallocation_vault.bookings
select gen_random_uuid(), gen_random_uuid(), payment_state_id, 'BR_TRPC-012027'
from paymentallocation_vault.bookings
union all
select gen_random_uuid(), payment_id, gen_random_uuid(), 'BR_TRPC-012027'
from paymentallocation_vault.bookings;
update bookkeeper_vault.journal_entry_items as item set account = null
from bookkeeper_vault.journal_entries as entry
where item.journal_entries_uuid = entry.uuid and entry.id = 'BR_PAS-012101' and item.account = '14000000';

-- X17 (14.6) the sentinel of a tax line in the group of empty aggregate ids.
update bookkeeper_vault.journal_entry_item_tax_source_items
set amount_formula = 'VATExcludedAmount - ELECTRICITYTAX'
where amount_formula = 'TaxIncludedAmount' and amount = 5 and base_amount = 7;

-- X18 (14.6) a gas line beside the corrected electricity line (H70).
insert into bookkeeper_vault.journal_entry_item_source_items
select
    source_item.uuid, source_item.journal_entry_item_sources_uuid, source_item.amount, 'VATExcludedAmount - GASTAX',
    source_item.tax_index, source_item.transaction_items_uuid, source_item.transaction_item_taxes_uuid
from bookkeeper_vault.journal_entry_item_source_items as source_item
inner join bookkeeper_vault.journal_entry_item_sources as source
    on source_item.journal_entry_item_sources_uuid = source.uuid
inner join bookkeeper_vault.journal_entry_items as item on source.journal_entry_items_uuid = item.uuid
inner join bookkeeper_vault.journal_entries as entry on item.journal_entries_uuid = entry.uuid
where entry.id = 'BR_TRPC-012053' and source_item.amount_formula = 'VATExcludedAmount - ELECTRICITYTAX';

-- X19 (8) a case without claim, newer than all others, for every MBA without lock and with a case that is not shown.
insert into receivablemanagement_vault.case_receivables
select gen_random_uuid(), account.name, 'BLOCKING', '2025-06-01 12:00+00'
from datalake_vault.billing_account as account
where
    account.name not in (select mba from receivablemanagement_vault.case_receivables where mba is not null)
    and account.name not in (select mba from dunninglock_vault.dunning_locks where mba is not null);
