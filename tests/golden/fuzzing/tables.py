"""What may be changed: tables, their keys, and where new values of a column come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.golden.fuzzing import values

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    Pool = Callable[[Random], object]


@dataclass(frozen=True)
class Column:
    """A column that may get other values.

    :param pool: makes a new value; None: values come from other rows only.
    :param like: ``schema.table.column`` whose values fit too, besides the column's own.
    :param nullable: may be cleared.
    :param renew: gets a new value in every copied row: equal ones would be a tie without a rule.
    """

    pool: Pool | None = None
    like: str | None = None
    nullable: bool = True
    renew: bool = False


def chosen(options: Sequence[object]) -> Pool:
    """A pool that picks one of *options*."""
    return lambda rng: rng.choice(options)


INSTANT = Column(values.instant)
CENTS = Column(values.cents)
OTHER = Column()
TRANSACTION = Column(like="datalake_vault.applied_billing_charge.transactionid")
AGGREGATE = Column(chosen(("", None)), like="datalake_vault.applied_billing_charge.aggregateid")
ACCOUNT = Column(like="datalake_vault.billing_account.ouid")
CUSTOMER = Column(like="datalake_vault.billing_account.customerouid")
ACCOUNTING = Column(chosen(("ignored", "ignored", "IGNORED", "", None)))
FORMULA = Column(chosen(values.FORMULAS))
MBA = Column(like="datalake_vault.billing_account.name")
RATE = Column(chosen(values.RATES))
CATEGORY = Column(chosen(values.CATEGORIES))
#: Table to (key column, relative frequency of changes, columns).
TABLES: dict[str, tuple[str, int, dict[str, Column]]] = {
    "datalake_vault.applied_billing_charge": (
        "ouid",
        40,
        {
            "datetimecreate": INSTANT,
            "datetimelastmodif": INSTANT,
            "customerouid": CUSTOMER,
            "billingaccountouid": ACCOUNT,
            "settlementnoteadviceouid": Column(like="datalake_vault.settlement_note_advice.ouid"),
            "transactionid": OTHER,
            "glid": Column(chosen(values.GLIDS)),
            "analyticaxis": Column(chosen(values.AXES)),
            "productname": Column(like="datalake_vault.product.name"),
            "taxexcludedamount": CENTS,
            "taxincludedamount": CENTS,
            "aggregateid": AGGREGATE,
            "accountingid": ACCOUNTING,
            "characteristics": OTHER,
        },
    ),
    "datalake_vault.applied_billing_tax_rate": (
        "ouid",
        14,
        {
            "appliedbillingchargeouid": Column(like="datalake_vault.applied_billing_charge.ouid"),
            "taxcategory": CATEGORY,
            "taxrate": RATE,
            "amount": CENTS,
        },
    ),
    "datalake_vault.billing_account_balance": (
        "ouid",
        25,
        {
            "datetimecreate": INSTANT,
            "datetimelastmodif": INSTANT,
            "billingaccountouid": ACCOUNT,
            "transactionid": TRANSACTION,
            "status": Column(chosen(values.DUE_STATUSES)),
            "amount": Column(values.cents, like="datalake_vault.applied_billing_charge.taxincludedamount"),
            "startdatetime": INSTANT,
            "letteringdate": INSTANT,
            "aggregateid": AGGREGATE,
            "accountingid": ACCOUNTING,
        },
    ),
    "datalake_vault.payment_request": (
        "ouid",
        8,
        {
            "transactionid": TRANSACTION,
            "status": Column(chosen(values.REQUEST_STATUSES)),
            "daterequest": INSTANT,
            "datelastchangestatus": INSTANT,
        },
    ),
    "datalake_vault.payment_item": (
        "ouid",
        5,
        {
            "paymentouid": Column(like="datalake_vault.payment_request.ouid"),
            "referredouid": Column(like="datalake_vault.billing_account_balance.ouid"),
            "referredtype": Column(chosen(("CANCELLED_BALANCE", "CANCELLED_BALANCE", "BALANCE", None))),
            "amount": Column(values.cents, like="datalake_vault.billing_account_balance.amount"),
        },
    ),
    "datalake_vault.settlement_note_advice": (
        "ouid",
        4,
        {"id": OTHER, "datetimecreate": INSTANT, "paymentduedate": INSTANT},
    ),
    "datalake_vault.billing_account": (
        "ouid",
        3,
        {
            "name": Column(nullable=True, pool=chosen((None,))),
            "customerouid": CUSTOMER,
            "characteristics": Column(chosen(values.CHARACTERISTICS)),
        },
    ),
    "datalake_vault.billing_account_relationship": (
        "ouid",
        4,
        {"billingaccountouid": ACCOUNT, "targetbillingaccountouid": ACCOUNT},
    ),
    "datalake_vault.login": ("ouid", 3, {"customerouid": CUSTOMER, "externalid": OTHER}),
    "datalake_vault.product": (
        "ouid",
        5,
        {
            "name": Column(chosen(("PXACTCHARGESCANCELLATIONX", "ACTCHARGESCANCELLATION", "actchargescancellation"))),
            "billingaccountouid": ACCOUNT,
            "orderdate": Column(values.unique_instant, nullable=False, renew=True),
            "startdatetime": OTHER,
            "enddatetime": OTHER,
        },
    ),
    "datalake_vault.product_order": (
        "ouid",
        2,
        {"state": Column(chosen(("COMPLETED", "completed", "IN_PROGRESS", None)))},
    ),
    "datalake_vault.order_item": (
        "ouid",
        2,
        {
            "productorderouid": Column(like="datalake_vault.product_order.ouid"),
            "product_ouid": Column(like="datalake_vault.product.ouid"),
        },
    ),
    "datalake_vault.note": (
        "ouid",
        2,
        {"productorderouid": Column(like="datalake_vault.product_order.ouid"), "text": OTHER},
    ),
    "datalake_vault.charge_aggregate": ("ouid", 3, {"aggregateid": AGGREGATE}),
    "datalake_vault.tax_aggregate": (
        "ouid",
        6,
        {
            "chargeaggregateouid": Column(like="datalake_vault.charge_aggregate.ouid"),
            "taxcategory": CATEGORY,
            "taxrate": RATE,
            "amount": CENTS,
        },
    ),
    "bookkeeper_vault.summaries": (
        "uuid",
        8,
        {
            "create_time": Column(values.journal_time),
            "file_created_at": Column(values.journal_time),
            "export": Column(chosen(("true", "true", "false", None))),
        },
    ),
    "bookkeeper_vault.journal_entries": (
        "uuid",
        5,
        {
            "summaries_uuid": OTHER,
            "id": Column(chosen(("BR_TRPC-012001", "BRXTRPC-1", "BR_MAN", "br_trpc-1", "BR_REBK-2"))),
            "date": Column(values.day),
        },
    ),
    "bookkeeper_vault.journal_entry_items": (
        "uuid",
        10,
        {
            "journal_entries_uuid": OTHER,
            "account": Column(chosen(values.LEDGERS)),
            "amount": CENTS,
        },
    ),
    "bookkeeper_vault.journal_entry_item_account_metadata": (
        "uuid",
        5,
        {
            "journal_entry_items_uuid": Column(like="bookkeeper_vault.journal_entry_items.uuid"),
            "type": Column(chosen(("rfbibl", "schleupen", "RFBIBL", "other"))),
            "key": Column(chosen(("mwskz", "aufnr", "gsber", "x"))),
            "value": Column(chosen(values.TAX_CODES)),
        },
    ),
    "bookkeeper_vault.journal_entry_item_sources": ("uuid", 3, {"journal_entry_items_uuid": OTHER}),
    "bookkeeper_vault.journal_entry_item_source_items": (
        "uuid",
        20,
        {
            "journal_entry_item_sources_uuid": OTHER,
            "amount_formula": FORMULA,
            "transaction_items_uuid": OTHER,
            "transaction_item_taxes_uuid": Column(like="bookkeeper_vault.transaction_item_taxes.uuid"),
        },
    ),
    "bookkeeper_vault.journal_entry_item_taxes": ("uuid", 4, {"journal_entry_items_uuid": OTHER, "amount": CENTS}),
    "bookkeeper_vault.journal_entry_item_tax_sources": ("uuid", 2, {"journal_entry_item_taxes_uuid": OTHER}),
    "bookkeeper_vault.journal_entry_item_tax_source_items": (
        "uuid",
        6,
        {
            "journal_entry_item_tax_sources_uuid": OTHER,
            "amount": CENTS,
            "base_amount": CENTS,
            "amount_formula": FORMULA,
            "transaction_items_uuid": Column(like="bookkeeper_vault.transaction_items.uuid"),
        },
    ),
    "bookkeeper_vault.transaction_items": ("uuid", 4, {"external_reference": AGGREGATE}),
    "bookkeeper_vault.transaction_item_taxes": (
        "uuid",
        3,
        {
            "external_reference": Column(
                chosen(("85000001", "12a", "", "99999999999999999999", None)), like="datalake_vault.tax_aggregate.ouid"
            ),
        },
    ),
    "receivablemanagement_vault.case_receivables": (
        "id",
        6,
        {
            "mba": MBA,
            "status": Column(chosen(("DUNNING", "CLOSED", "dunning", None))),
            "created_at": INSTANT,
        },
    ),
    "receivablemanagement_vault.dunning_claims": (
        "id",
        6,
        {
            "case_receivable_id": OTHER,
            "scenario": OTHER,
            "dunning_claim_id": Column(values.unique_id, renew=True, nullable=False),
            "dunning_level": Column(chosen((None, 0, 1, 2, 3))),
        },
    ),
    "dunninglock_vault.dunning_locks": (
        "id",
        5,
        {
            "mba": MBA,
            "deleted": Column(chosen(("true", "false", "false"))),
            "expires_at": Column(values.expiry),
            "created_at": Column(values.unique_instant, renew=True),
            "updated_at": Column(values.unique_instant, nullable=False, renew=True),
            "reason": OTHER,
        },
    ),
    "paymentallocation_vault.bookings": (
        "id",
        3,
        {
            "payment_id": OTHER,
            "payment_state_id": OTHER,
            "sap_id": Column(like="bookkeeper_vault.journal_entries.id"),
        },
    ),
    "paymentallocation_vault.payments": ("id", 1, {"amount": Column(chosen((None, "0", "-1", "12.34")))}),
    "paymentallocation_vault.payment_states": ("id", 1, {"payment_status": OTHER}),
}
