"""Every source check notices the defect that it is for, no other check does, and none finds anything in clean data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.checks.conftest import Plant, run_checks, violated

if TYPE_CHECKING:
    from billing_aggregator.local.postgres import EmbeddedPostgres

CHARGE = "(select min(ouid) from datalake_vault.applied_billing_charge where glid like '%\\_ABSCHLAG')"
ITEM = """(select min(journal_entry_items.uuid::text)::uuid from bookkeeper_vault.journal_entry_items
    inner join bookkeeper_vault.journal_entries on journal_entries.uuid = journal_entries_uuid
    inner join bookkeeper_vault.summaries on summaries.uuid = summaries_uuid and export)"""
#: 35 hours before the end of the business date of the freshness tests: Berlin's midnight is 23:00 UTC.
FRESH = """
update datalake_vault.applied_billing_charge set datetimelastmodif = '2026-02-28 12:00:00+00' where ouid = 600000001;
update datalake_vault.billing_account_balance set datetimelastmodif = '2026-02-28 12:00:00+00' where ouid = 310000001;
update bookkeeper_vault.summaries set create_time = '2026-02-28 12:00:00'
where uuid = (select min(uuid::text)::uuid from bookkeeper_vault.summaries where export);
"""
NOW = {"as_of": "2026-03-01", "freshness_hours": "35"}


@dataclass(frozen=True)
class Case:
    """A defect: how it is planted, and all checks that notice it."""

    name: str
    defect: str
    expected: set[str]
    settings: dict[str, str] = field(default_factory=dict)


def charge(change: str) -> str:
    """Change one instalment."""
    return f"update datalake_vault.applied_billing_charge set {change} where ouid = {CHARGE}"


def balance(change: str) -> str:
    """Change one balance that is due."""
    return f"update datalake_vault.billing_account_balance set {change} where ouid = 310000001"


def chain(transactions: str, characteristic: str, parents: str, numbers: tuple[int, int]) -> str:
    """Add a charge for each number, in the transaction *transactions*, that points to the transaction *parents*."""
    return f"""
    insert into datalake_vault.applied_billing_charge (
        ouid, datetimecreate, datetimelastmodif, billingaccountouid, transactionid, glid, taxexcludedamount,
        taxincludedamount, characteristics
    )
    select number, now(), now(), (select min(ouid) from datalake_vault.billing_account), {transactions},
        'ELEC_ABSCHLAG', 1, 1, jsonb_strip_nulls(jsonb_build_object('{characteristic}', {parents}))
    from generate_series({numbers[0]}, {numbers[1]}) as number"""


def twice(table: str, order: str = "ctid", where: str = "true") -> str:
    return f"insert into {table} select * from {table} where {where} order by {order} limit 1"


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
    # P8: known values.
    Case(
        "unknown tax category",
        "insert into datalake_vault.applied_billing_tax_rate values (1, 600000001, 'stromNEV', 1, 1)",
        {"tripica/300_tax_categories_known"},
    ),
    Case(
        "unknown formula",
        "update bookkeeper_vault.journal_entry_item_source_items set amount_formula = 'Gross' "
        "where amount_formula = 'TaxIncludedAmount'",
        {"bookkeeper/300_amount_formulas_known"},
    ),
    Case(
        "unknown formula of a tax line",
        "update bookkeeper_vault.journal_entry_item_tax_source_items set amount_formula = 'TaxIncludedAmount'",
        {"bookkeeper/300_amount_formulas_known"},
    ),
    Case(
        "unknown charge type",
        charge("glid = 'ELEC_DEPOSIT'"),
        {"tripica/300_charge_types_known"},
    ),
    Case("charge without type", charge("glid = null"), {"tripica/300_charge_types_known"}),
    Case("balance without status", balance("status = null"), {"tripica/300_statuses_known"}),
    Case(
        "order without state",
        "insert into datalake_vault.product_order values (1, null)",
        {"tripica/300_statuses_known"},
    ),
    Case(
        "tax row without category",
        "insert into datalake_vault.applied_billing_tax_rate values (1, 600000001, null, 1, 1)",
        {"tripica/300_tax_categories_known"},
    ),
    Case(
        "unknown balance status",
        balance("status = 'DUE_SOMEHOW'"),
        {"tripica/300_statuses_known"},
    ),
    Case(
        "request without status",
        "update datalake_vault.payment_request set status = null where ouid = 420000001",
        {"tripica/300_statuses_known"},
    ),
    Case(
        "unknown order state",
        "update datalake_vault.product_order set state = 'DRAFT' "
        "where ctid = (select min(ctid) from datalake_vault.product_order)",
        {"tripica/300_statuses_known"},
    ),
    # P10: amounts and dates.
    Case(
        "charge without amount",
        charge("taxincludedamount = null"),
        {"tripica/300_amounts_plausible"},
    ),
    Case(
        "credit below 0",
        "update datalake_vault.applied_billing_charge set taxincludedamount = -100, taxexcludedamount = -100 "
        "where ouid = (select min(ouid) from datalake_vault.applied_billing_charge where glid = 'OVERPAYMENT_CREDIT')",
        {"tripica/300_amounts_plausible"},
    ),
    Case(
        "balance of a hundred million euros",
        balance("amount = 10000000000"),
        {"tripica/300_amounts_plausible"},
    ),
    Case(
        "tax row without amount",
        "update datalake_vault.applied_billing_tax_rate set amount = null where ouid = "
        "(select min(ouid) from datalake_vault.applied_billing_tax_rate where taxcategory <> 'VAT')",
        {"tripica/300_amounts_plausible"},
    ),
    Case(
        "gross is not net and VAT",
        charge("taxexcludedamount = taxexcludedamount + 1"),
        {"tripica/300_gross_is_net_plus_vat"},
    ),
    Case(
        "modified before it was created",
        charge("datetimelastmodif = datetimecreate - interval '1 day'"),
        {"tripica/300_dates_plausible"},
    ),
    Case(
        "created in the future",
        charge("datetimecreate = '2199-01-01', datetimelastmodif = '2199-01-01'"),
        {"tripica/300_dates_plausible"},
    ),
    Case(
        "due without due date",
        balance("startdatetime = null"),
        {"tripica/300_dates_plausible"},
    ),
    Case(
        "due in a hundred years",
        balance("startdatetime = '2124-01-01'"),
        {"tripica/300_dates_plausible"},
    ),
    *[
        Case(name, charge(values), {"tripica/300_amounts_plausible"})
        for name, values in (
            ("charge without net amount", "taxexcludedamount = null"),
            ("charge without net and gross", "taxexcludedamount = null, taxincludedamount = null"),
        )
    ],
    Case(
        "charge of a hundred million euros",
        charge("taxexcludedamount = 10000000000, taxincludedamount = 10000000000"),
        {"tripica/300_amounts_plausible", "tripica/300_gross_is_net_plus_vat"},
    ),
    Case("balance without amount", balance("amount = null"), {"tripica/300_amounts_plausible"}),
    *[
        Case(name, charge(values), {"tripica/300_dates_plausible"})
        for name, values in (
            ("charge without creation", "datetimecreate = null"),
            ("charge without modification", "datetimelastmodif = null"),
            ("charge of 1999", "datetimecreate = '1999-12-31 12:00:00+00'"),
            ("charge modified in the future", "datetimelastmodif = '2199-01-01 00:00:00+00'"),
        )
    ],
    *[
        Case(name, balance(values), {"tripica/300_dates_plausible"})
        for name, values in (
            ("balance without creation", "datetimecreate = null"),
            ("balance of 1999", "datetimecreate = '1999-12-31 12:00:00+00'"),
            ("balance of the future", "datetimecreate = '2199-01-01 00:00:00+00'"),
            ("balance due in 1999", "startdatetime = '1999-12-31 12:00:00+00'"),
            ("balance settled in 1999", "letteringdate = '1999-12-31 12:00:00+00'"),
            ("balance settled in the future", "letteringdate = '2199-01-01 00:00:00+00'"),
        )
    ],
    # P11: numbers in texts.
    Case(
        "tax reference with letters",
        "update bookkeeper_vault.transaction_item_taxes set external_reference = '85x' "
        "where ctid = (select min(ctid) from bookkeeper_vault.transaction_item_taxes)",
        {"bookkeeper/300_tax_references_numeric"},
    ),
    Case(
        "tax reference beyond bigint",
        "update bookkeeper_vault.transaction_item_taxes set external_reference = '9223372036854775808' "
        "where ctid = (select min(ctid) from bookkeeper_vault.transaction_item_taxes)",
        {"bookkeeper/300_tax_references_numeric"},
    ),
    *[
        Case(
            f"write-off of {piece!r}",
            "update datalake_vault.product set characteristics = characteristics || "
            f"jsonb_build_object('CHARGES_OUIDS', (characteristics ->> 'CHARGES_OUIDS') || ',{piece}') "
            "where ouid = (select min(product_ouid) from datalake_vault.order_item inner join "
            "datalake_vault.product_order on product_order.ouid = productorderouid and state = 'COMPLETED')",
            {"tripica/300_write_off_charge_numbers"},
        )
        for piece in ("", "12a34", "999", "99999999999999999999")
    ],
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


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_defect_is_noticed_by_its_check_alone(plant: Plant, clean_vault: str, case: Case) -> None:
    assert violated(plant(clean_vault, case.defect, "prechecks", case.settings)) == case.expected


@pytest.mark.parametrize(
    ("defect", "check", "violation"),
    [
        (
            "drop table datalake_vault.note",
            "tripica/110",
            ("datalake_vault.note", "table does not exist"),
        ),
        (
            "alter table datalake_vault.note drop column text",
            "tripica/110",
            ("datalake_vault.note.text", "column does not exist; expected: text"),
        ),
        (
            "alter table datalake_vault.settlement_note_advice alter id type bigint using 1",
            "tripica/110",
            ("datalake_vault.settlement_note_advice.id", "type is bigint; expected: text"),
        ),
        (
            "alter table datalake_vault.product alter orderdate type timestamp",
            "tripica/110",
            ("datalake_vault.product.orderdate", "type is timestamp without time zone; expected: timestamptz"),
        ),
        (
            "revoke select on datalake_vault.login from billing_aggregator",
            "tripica/110",
            ("datalake_vault.login.externalid", "no select privilege for billing_aggregator"),
        ),
        (
            "revoke usage on schema datalake_vault from billing_aggregator",
            "tripica/110",
            ("datalake_vault", "no usage privilege on the schema for billing_aggregator"),
        ),
        (
            "drop schema paymentallocation_vault cascade",
            "tripica/110",
            ("paymentallocation_vault", "schema does not exist"),
        ),
        (
            "drop schema bookkeeper_vault cascade",
            "bookkeeper/110",
            ("bookkeeper_vault", "schema does not exist"),
        ),
        (
            "alter table bookkeeper_vault.summaries alter create_time type timestamptz",
            "bookkeeper/110",
            ("bookkeeper_vault.summaries.create_time", "type is timestamp with time zone; expected: timestamp"),
        ),
        (
            "drop schema dunning_vault cascade",
            "tripica/115",
            ("dunning_vault", "schema does not exist"),
        ),
        (
            "drop table dunninglock_vault.dunning_locks",
            "tripica/115",
            ("dunninglock_vault.dunning_locks", "table does not exist"),
        ),
    ],
)
def test_missing_source_is_named(
    plant: Plant, clean_vault: str, defect: str, check: str, violation: tuple[str, str]
) -> None:
    results = plant(clean_vault, defect, "prechecks", only="11")
    assert {name[: len(check)] for name in violated(results)} == {check}
    (result,) = (result for result in results.values() if result.violations)
    assert result.severity == "fail"
    assert violation in result.sample


def test_enumerated_status_is_compatible(plant: Plant, clean_vault: str) -> None:
    enumeration = """
    create type receivablemanagement_vault.case_status as enum ('DUNNING', 'BLOCKING', 'INKASSO', 'CLOSED');
    alter table receivablemanagement_vault.case_receivables
        alter status type receivablemanagement_vault.case_status using status::receivablemanagement_vault.case_status;
    """
    assert violated(plant(clean_vault, enumeration, "prechecks")) == set()


def test_warehouse_without_dunning_fails_one_check_and_skips_the_others(plant: Plant, clean_vault: str) -> None:
    vaults = "receivablemanagement_vault, dunning_vault, dunninglock_vault"
    results = plant(clean_vault, f"drop schema {vaults} cascade", "prechecks")
    assert violated(results) == {"tripica/115_dunning_sources_exist"}
    assert {name for name, result in results.items() if result.missing} == {
        "tripica/125_dunning_cases_not_empty",
        "tripica/300_dunning_links_complete",
        "tripica/300_dunning_locks_unambiguous",
        "tripica/300_dunning_unambiguous",
    }


@pytest.mark.parametrize(
    ("change", "settings"),
    [
        pytest.param("", {}, id="as it is"),
        pytest.param("", {"freshness_hours": "0", "as_of": "2099-01-01"}, id="freshness off"),
        pytest.param("", {"freshness_hours": "", "as_of": ""}, id="settings empty"),
        pytest.param(FRESH, NOW, id="fresh"),
    ],
)
def test_no_alarm_on_clean_data(plant: Plant, clean_vault: str, change: str, settings: dict[str, str]) -> None:
    assert violated(plant(clean_vault, change, "prechecks", settings)) == set()


def test_no_check_fails_on_the_sample(postgres: EmbeddedPostgres, sample_template: str) -> None:
    results = run_checks(postgres, sample_template, "prechecks")
    assert {name for name in violated(results) if results[name].severity == "fail"} == set()


def test_every_check_has_a_case(postgres: EmbeddedPostgres, clean_vault: str) -> None:
    checks = {name for name in run_checks(postgres, clean_vault, "prechecks") if "/11" not in name}
    assert checks == set().union(*(case.expected for case in CASES))
