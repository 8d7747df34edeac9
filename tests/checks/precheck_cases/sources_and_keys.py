"""Empty, old and doubled sources: P2 to P5."""

from __future__ import annotations

from tests.checks.case import Case
from tests.checks.precheck_cases.planting import FRESH, NOW, twice

CASES = [
    # P2: sources are not empty.
    Case(
        "no posting lines",
        "truncate bookkeeper_vault.journal_entry_items",
        {"bookkeeper/120_sources_not_empty", "bookkeeper/300_journal_links_complete"},
    ),
    Case("no tax rows", "truncate datalake_vault.applied_billing_tax_rate", {"tripica/120_sources_not_empty"}),
    Case(
        "no dunning cases",
        "truncate receivablemanagement_vault.case_receivables, receivablemanagement_vault.dunning_claims",
        {"tripica/125_dunning_cases_not_empty"},
    ),
    # P3: freshness.
    Case(
        "charges of an earlier night",
        FRESH + "update datalake_vault.applied_billing_charge set datetimelastmodif = datetimecreate;",
        {"tripica/130_sources_fresh", "tripica/130_vaults_loaded_together"},
        NOW,
    ),
    Case(
        "balances of an earlier night",
        FRESH + "update datalake_vault.billing_account_balance set datetimelastmodif = datetimecreate;",
        {"tripica/130_sources_fresh", "tripica/130_vaults_loaded_together"},
        NOW,
    ),
    Case(
        "journal of an earlier night",
        FRESH
        + "update bookkeeper_vault.summaries set create_time = '2025-11-01 02:00:00' where create_time > '2025-12-01'",
        {"bookkeeper/130_sources_fresh", "tripica/130_vaults_loaded_together"},
        NOW,
    ),
    Case(
        "everything of an earlier night",
        FRESH,
        {"bookkeeper/130_sources_fresh", "tripica/130_sources_fresh"},
        {"as_of": "2026-03-01", "freshness_hours": "34"},
    ),
    # P4: keys.
    Case("charge twice", twice("datalake_vault.applied_billing_charge"), {"tripica/200_charge_keys_unique"}),
    Case(
        "tax row twice",
        twice("datalake_vault.applied_billing_tax_rate", where="amount = 0"),
        {"tripica/200_charge_keys_unique"},
    ),
    Case("balance twice", twice("datalake_vault.billing_account_balance"), {"tripica/200_charge_keys_unique"}),
    Case("account twice", twice("datalake_vault.billing_account"), {"tripica/200_master_data_keys_unique"}),
    Case(
        "account key twice",
        "insert into datalake_vault.billing_account (ouid, name, customerouid) "
        "select ouid, 'another', customerouid from datalake_vault.billing_account limit 1",
        {"tripica/200_master_data_keys_unique"},
    ),
    Case(
        "account number twice",
        "insert into datalake_vault.billing_account (ouid, name) "
        "select 1, min(name) from datalake_vault.billing_account",
        {"tripica/200_master_data_keys_unique"},
    ),
    Case(
        "product_order twice",
        "insert into datalake_vault.product_order select 5, 'COMPLETED' from generate_series(1, 2)",
        {"tripica/200_master_data_keys_unique"},
    ),
    Case(
        "login twice",
        twice("datalake_vault.login"),
        {"tripica/200_master_data_keys_unique", "tripica/300_one_login_and_master_account"},
    ),
    *[
        Case(f"{table} twice", twice(f"datalake_vault.{table}"), {"tripica/200_master_data_keys_unique"})
        for table in (
            "payment_request",
            "settlement_note_advice",
            "product",
            "charge_aggregate",
            "tax_aggregate",
        )
    ],
    *[
        Case(f"{table} twice", twice(f"bookkeeper_vault.{table}"), {"bookkeeper/200_journal_keys_unique", *more})
        for table, more in (
            ("summaries", {"bookkeeper/300_document_numbers_unique"}),
            ("journal_entries", {"bookkeeper/300_document_numbers_unique"}),
            ("journal_entry_items", set[str]()),
            ("journal_entry_item_sources", set[str]()),
            ("transaction_items", set[str]()),
            ("transaction_item_taxes", set[str]()),
            ("journal_entry_item_taxes", set[str]()),
            ("journal_entry_item_tax_sources", set[str]()),
        )
    ],
    Case(
        "document in two booking runs",
        "insert into bookkeeper_vault.journal_entries (uuid, summaries_uuid, id, date) "
        "select gen_random_uuid(), summaries_uuid, id, date from bookkeeper_vault.journal_entries "
        "inner join bookkeeper_vault.summaries on summaries.uuid = summaries_uuid and export limit 1",
        {"bookkeeper/300_document_numbers_unique"},
    ),
    # P5: fan-out.
    Case(
        "second login",
        "insert into datalake_vault.login select 1, customerouid, 'x' from datalake_vault.login limit 1",
        {"tripica/300_one_login_and_master_account"},
    ),
    Case(
        "second master account",
        "insert into datalake_vault.billing_account_relationship "
        "select 1, billingaccountouid, targetbillingaccountouid "
        "from datalake_vault.billing_account_relationship limit 1",
        {"tripica/300_one_login_and_master_account"},
    ),
    Case(
        "contract account of a contract account",
        "insert into datalake_vault.billing_account_relationship "
        "select 1, min(targetbillingaccountouid), max(targetbillingaccountouid) "
        "from datalake_vault.billing_account_relationship",
        {"tripica/300_one_login_and_master_account"},
    ),
]
