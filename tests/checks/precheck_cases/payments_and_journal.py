"""Rejections, payments, empty references and the journal: P12 to P17."""

from __future__ import annotations

from tests.checks.case import Case
from tests.checks.precheck_cases.planting import ITEM, balance, chain, charge

CASES = [
    # P12: rejections and partial payments.
    Case(
        "unknown original",
        charge('characteristics = \'{"rejectedChargeTransactionId": "gone"}\''),
        {"tripica/300_rejections_traceable"},
    ),
    Case(
        "rejections in a circle",
        chain("'loop-' || number", "rejectedChargeTransactionId", "'loop-' || 1 + number % 2", (1, 2)),
        {"tripica/300_rejections_traceable"},
    ),
    Case(
        "seven rejections",
        chain(
            "'chain-' || number",
            "rejectedChargeTransactionId",
            "case when number > 0 then 'chain-' || number - 1 end",
            (0, 7),
        ),
        {"tripica/300_rejections_traceable"},
    ),
    Case(
        "two originals",
        chain(
            "case when number < 3 then 'root-' || number else 'child' end",
            "rejectedChargeTransactionId",
            "case when number > 2 then 'root-' || number - 2 end",
            (1, 4),
        ),
        {"tripica/300_rejections_traceable"},
    ),
    Case(
        "two parents",
        chain(
            "case when number < 3 then 'root-' || number else 'child' end",
            "partiallyPaidChargeTransactionId",
            "case when number > 2 then 'root-' || number - 2 end",
            (1, 4),
        ),
        {"tripica/300_partial_payments_traceable"},
    ),
    Case(
        "grandchild of a partial payment",
        chain(
            "'part-' || number",
            "partiallyPaidChargeTransactionId",
            "case when number > 0 then 'part-' || number - 1 end",
            (0, 2),
        ),
        {"tripica/300_partial_payments_traceable"},
    ),
    Case(
        "unknown parent of a partial payment",
        charge('characteristics = \'{"partiallyPaidChargeTransactionId": "gone"}\''),
        {"tripica/300_partial_payments_traceable"},
    ),
    Case(
        "two cases at one instant",
        "insert into receivablemanagement_vault.case_receivables (id, mba, status, created_at) "
        "select gen_random_uuid(), mba, status, created_at from receivablemanagement_vault.case_receivables limit 1",
        {"tripica/300_dunning_unambiguous"},
    ),
    Case(
        "two claims of a case",
        "insert into receivablemanagement_vault.dunning_claims (case_receivable_id, dunning_claim_id, dunning_level) "
        "select case_receivable_id, dunning_claim_id, 4 from receivablemanagement_vault.dunning_claims limit 1",
        {"tripica/300_dunning_unambiguous"},
    ),
    Case(
        "two locks at one instant",
        "insert into dunninglock_vault.dunning_locks select * from dunninglock_vault.dunning_locks limit 1",
        {"tripica/300_dunning_locks_unambiguous"},
    ),
    Case(
        "two notes of a write-off",
        "insert into datalake_vault.note select 1, productorderouid, 'x' from datalake_vault.note inner join "
        "datalake_vault.product_order on product_order.ouid = productorderouid and state = 'COMPLETED' limit 1",
        {"tripica/300_write_offs_unambiguous"},
    ),
    Case(
        "two write-offs at one instant",
        """with latest as (
            select product.* from datalake_vault.product
            inner join datalake_vault.order_item on product_ouid = product.ouid
            inner join datalake_vault.product_order on product_order.ouid = productorderouid and state = 'COMPLETED'
            limit 1
        ), twin as (
            insert into datalake_vault.product select 1, name, null, orderdate, null, null, characteristics from latest
        ), item as (insert into datalake_vault.order_item values (1, 1, 1))
        insert into datalake_vault.product_order values (1, 'COMPLETED')""",
        {"tripica/300_write_offs_unambiguous"},
    ),
    # P15: empty references.
    Case(
        "charge with an empty aggregate id",
        charge("aggregateid = ''"),
        {"tripica/300_aggregate_ids_not_empty"},
    ),
    Case(
        "balance with an empty aggregate id",
        balance("aggregateid = ''"),
        {"tripica/300_aggregate_ids_not_empty"},
    ),
    Case(
        "transaction item with an empty reference",
        "update bookkeeper_vault.transaction_items set external_reference = '' "
        "where ctid = (select min(ctid) from bookkeeper_vault.transaction_items)",
        {"bookkeeper/300_references_not_empty"},
    ),
    # P16: journal.
    Case(
        "posting line of 0",
        f"update bookkeeper_vault.journal_entry_items set amount = 0 where uuid = {ITEM}",
        {"bookkeeper/300_item_amounts_present"},
    ),
    Case(
        "posting line without amount",
        f"update bookkeeper_vault.journal_entry_items set amount = null where uuid = {ITEM}",
        {"bookkeeper/300_item_amounts_present"},
    ),
    Case(
        "booking run without time",
        "update bookkeeper_vault.summaries set create_time = null "
        "where uuid = (select min(uuid::text)::uuid from bookkeeper_vault.summaries where export)",
        {"bookkeeper/300_summaries_dated"},
    ),
    Case(
        "document without date",
        "update bookkeeper_vault.journal_entries set date = null where summaries_uuid = "
        "(select min(uuid::text)::uuid from bookkeeper_vault.summaries where export)",
        {"bookkeeper/300_summaries_dated"},
    ),
    # P17: payment allocation.
    Case(
        "payment without amount",
        "update paymentallocation_vault.payments set amount = null "
        "where ctid = (select min(ctid) from paymentallocation_vault.payments)",
        {"tripica/300_payment_amounts_plausible"},
    ),
    Case(
        "payments in cents",
        "update paymentallocation_vault.payments set amount = amount * 100",
        {"tripica/300_payment_amounts_plausible"},
    ),
    Case(
        "payment of an unknown document",
        "update paymentallocation_vault.bookings set sap_id = 'BR_MANU-0' "
        "where ctid = (select min(ctid) from paymentallocation_vault.bookings where sap_id is not null)",
        {"tripica/300_payment_documents_exist"},
    ),
]
