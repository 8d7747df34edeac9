"""Links between the sources: P6."""

from __future__ import annotations

from tests.checks.case import Case
from tests.checks.precheck_cases.planting import CHARGE

CASES = [
    # P6: links.
    *[
        Case(
            name,
            f"update {table} set {column} = 1 where ctid = (select min(ctid) from {table} where {column} > 0)",
            {check},
        )
        for name, table, column, check in (
            (
                "charge without account",
                "datalake_vault.applied_billing_charge",
                "billingaccountouid",
                "tripica/300_links_complete",
            ),
            (
                "charge without bill",
                "datalake_vault.applied_billing_charge",
                "settlementnoteadviceouid",
                "tripica/300_links_complete",
            ),
            (
                "tax row without charge",
                "datalake_vault.applied_billing_tax_rate",
                "appliedbillingchargeouid",
                "tripica/300_links_complete",
            ),
            (
                "tax aggregate without aggregate",
                "datalake_vault.tax_aggregate",
                "chargeaggregateouid",
                "tripica/300_links_complete",
            ),
            (
                "balance without account",
                "datalake_vault.billing_account_balance",
                "billingaccountouid",
                "tripica/300_links_complete",
            ),
            (
                "relationship without account",
                "datalake_vault.billing_account_relationship",
                "billingaccountouid",
                "tripica/300_links_complete",
            ),
            (
                "relationship without master",
                "datalake_vault.billing_account_relationship",
                "targetbillingaccountouid",
                "tripica/300_links_complete",
            ),
            ("order item without order", "datalake_vault.order_item", "productorderouid", "tripica/300_links_complete"),
        )
    ],
    *[
        Case(
            name,
            f"update {table} set {column} = gen_random_uuid() "
            f"where ctid = (select min(ctid) from {table} where {column} is not null)",
            {check},
        )
        for name, table, column, check in (
            (
                "payment booking without payment",
                "paymentallocation_vault.bookings",
                "payment_id",
                "tripica/300_links_complete",
            ),
            (
                "payment booking without state",
                "paymentallocation_vault.bookings",
                "payment_state_id",
                "tripica/300_links_complete",
            ),
            (
                "claim without case",
                "receivablemanagement_vault.dunning_claims",
                "case_receivable_id",
                "tripica/300_dunning_links_complete",
            ),
            (
                "claim without status",
                "receivablemanagement_vault.dunning_claims",
                "dunning_claim_id",
                "tripica/300_dunning_links_complete",
            ),
            (
                "entry without summary",
                "bookkeeper_vault.journal_entries",
                "summaries_uuid",
                "bookkeeper/300_journal_links_complete",
            ),
            (
                "item without entry",
                "bookkeeper_vault.journal_entry_items",
                "journal_entries_uuid",
                "bookkeeper/300_journal_links_complete",
            ),
            (
                "source without item",
                "bookkeeper_vault.journal_entry_item_sources",
                "journal_entry_items_uuid",
                "bookkeeper/300_journal_links_complete",
            ),
            (
                "source item without source",
                "bookkeeper_vault.journal_entry_item_source_items",
                "journal_entry_item_sources_uuid",
                "bookkeeper/300_journal_links_complete",
            ),
            (
                "source item without transaction item",
                "bookkeeper_vault.journal_entry_item_source_items",
                "transaction_items_uuid",
                "bookkeeper/300_journal_links_complete",
            ),
            (
                "source item without tax",
                "bookkeeper_vault.journal_entry_item_source_items",
                "transaction_item_taxes_uuid",
                "bookkeeper/300_journal_links_complete",
            ),
            (
                "tax line without item",
                "bookkeeper_vault.journal_entry_item_taxes",
                "journal_entry_items_uuid",
                "bookkeeper/300_journal_links_complete",
            ),
            (
                "tax source without tax line",
                "bookkeeper_vault.journal_entry_item_tax_sources",
                "journal_entry_item_taxes_uuid",
                "bookkeeper/300_journal_links_complete",
            ),
            (
                "tax source item without transaction item",
                "bookkeeper_vault.journal_entry_item_tax_source_items",
                "transaction_items_uuid",
                "bookkeeper/300_journal_links_complete",
            ),
        )
    ],
    Case(
        "account without login",
        f"delete from datalake_vault.login where customerouid = (select customerouid from "
        f"datalake_vault.applied_billing_charge where ouid = {CHARGE})",
        {"tripica/300_accounts_have_login"},
    ),
]
