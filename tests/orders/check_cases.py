"""Defects of the orders' books and sources, and the checks that notice each."""

from __future__ import annotations

from tests.checks.case import Case

# What the sample has of its own: missing rates, events that wait for them, rejected events.
EXPECTED_WARNINGS = {"300_no_rates_missing", "300_no_rejected_events", "300_waiting_events_recent"}
LIST = "report_oibl.new_orders_results"
ONE = "(select min(id) from billing.invoices where status = 'PARTIALLY_PAID' and currency = 'EUR')"
POSTED = "200_invoices_posted"
BALANCED = "200_ledger_balanced"

AUDITS = [
    Case("row missing", f"delete from {LIST} where order_id = 'A-1001'", {"200_list_complete"}),
    Case("row twice", f"insert into {LIST} select * from {LIST} where order_id = 'A-1001'", {"200_list_complete"}),
    Case("row of no order", f"update {LIST} set order_id = 'Z' where order_id = 'A-1001'", {"200_list_complete"}),
    Case("other amount", f"update {LIST} set paid = paid + 1 where order_id = 'A-1001'", {"200_list_complete"}),
    Case("version of tomorrow", f"update {LIST} set version = 99 where order_id = 'A-1001'", {"200_list_complete"}),
    Case(
        "entry changed",
        "update ledger.entry set amount = amount + 1 where line = 1 and transaction_id = "
        "(select transaction_id from ledger.transaction where kind = 'payment' order by idempotency_key limit 1)",
        {POSTED, BALANCED},
    ),
    Case("totals changed", "update ledger.account_total set debit = debit + 1 where debit > 0", {
        BALANCED, "200_open_amounts_in_ledger"}),
    Case("posting doubled", """
        insert into ledger.transaction (transaction_id, idempotency_key, kind, business_date, source, metadata)
        select '00000000-0000-0000-0000-000000000001', 'twice', kind, business_date, source, metadata
        from ledger.transaction where kind = 'invoice' order by idempotency_key limit 1;
        insert into ledger.entry select '00000000-0000-0000-0000-000000000001', line, account_id, side, amount,
            currency, base_amount
        from ledger.entry where transaction_id = (
            select transaction_id from ledger.transaction where kind = 'invoice' and idempotency_key <> 'twice'
            order by idempotency_key limit 1
        )
        """, {POSTED, BALANCED}),
    Case(
        "paid more than posted",
        f"update billing.invoices set paid = paid + 0.01 where id = {ONE};"
        f"update {LIST} as list set paid = invoices.paid from billing.invoices where invoices.order_id = list.order_id",
        {POSTED, "200_open_amounts_in_ledger"},
    ),
    Case("message lost", "delete from billing.outbox where id = (select min(id) from billing.outbox)", {
        "200_outbox_complete"}),
    Case("message twice", """
        insert into billing.outbox (aggregate, aggregate_id, event_type, payload_json)
        select aggregate, aggregate_id, event_type, payload_json from billing.outbox where event_type = 'invoice_paid'
        order by id limit 1""", {"200_outbox_complete"}),
    Case("message of no invoice", "update billing.outbox set aggregate_id = '0' where event_type = 'payment_failed'", {
        "200_outbox_complete"}),
    Case("message with another total", """
        update billing.outbox set payload_json = payload_json || '{"total": "1.00"}'
        where event_type = 'invoice_cancelled'""", {"200_outbox_complete"}),
    Case("number left out", f"""
        update billing.invoice_counter set last_number = last_number + 1;
        update billing.invoices set invoice_number = '2026-' || lpad((last_number)::text, 8, '0')
        from billing.invoice_counter where id = {ONE} and year = 2026;
        update {LIST} as list set invoice_number = invoices.invoice_number
        from billing.invoices where invoices.order_id = list.order_id;
        update billing.outbox set payload_json = payload_json || jsonb_build_object('invoice_number', invoice_number)
        from billing.invoices where invoices.id::text = outbox.aggregate_id""", {"200_numbers_gapless"}),
]  # fmt: skip

PRECHECKS = [
    Case("table missing", "drop table orders_vault.consumed_offset", {"110_tables_exist"}),
    Case("table not readable", "revoke select on ledger.currency from billing_aggregator", {"110_tables_exist"}),
    Case("events not posted", """
        insert into orders_vault.pending_event select topic, partition, "offset" from orders_vault.order_event limit 3;
        update orders_vault.order_event set received_at = now() - interval '2 hours'""", {"300_events_posted"}),
    Case("event rejected", """
        insert into orders_vault.rejected_event (topic, partition, "offset", reason) values ('t', 0, 1, 'why')""", {
        "300_no_rejected_events"}),
    Case("event waits", """
        insert into billing.waiting_event (topic, partition, "offset", event_id, event_type, order_id, occurred_at)
        values ('t', 0, 1, 'e', 'payment_failed', 'o', now() - interval '61 minutes')""", {
        "300_waiting_events_recent"}),
    Case("rate missing", "update billing.invoices set status = 'ON_HOLD' where currency = 'GBP'", {
        "300_no_rates_missing"}),
    Case("rates overlap", "insert into billing.tax_rate values ('DE', 'standard', 0.16, '2020-07-01', '2021-01-01')", {
        "300_tax_rates_unambiguous"}),
    Case("rate below zero", "insert into billing.tax_rate values ('FR', 'standard', -0.2, '2020-07-01', null)", {
        "300_tax_rates_unambiguous"}),
]  # fmt: skip
