"""The source tables as Python objects: one class a table, its docstring is the table, its fields are the columns."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal
    from uuid import UUID

Instant = datetime | None
Text = str | None
Number = int | None


class Account(NamedTuple):
    """datalake_vault.billing_account."""

    ouid: int
    name: Text
    customerouid: Number
    characteristics: Text


class Relationship(NamedTuple):
    """datalake_vault.billing_account_relationship."""

    billingaccountouid: Number
    targetbillingaccountouid: Number


class Login(NamedTuple):
    """datalake_vault.login."""

    ouid: int
    customerouid: Number
    externalid: Text


class Charge(NamedTuple):
    """datalake_vault.applied_billing_charge."""

    ouid: int
    datetimecreate: Instant
    datetimelastmodif: Instant
    customerouid: Number
    billingaccountouid: Number
    settlementnoteadviceouid: Number
    transactionid: Text
    glid: Text
    analyticaxis: Text
    productname: Text
    startdatetime: Instant
    enddatetime: Instant
    taxexcludedamount: Number
    taxincludedamount: Number
    aggregateid: Text
    accountingid: Text
    characteristics: Text


class TaxRow(NamedTuple):
    """datalake_vault.applied_billing_tax_rate."""

    ouid: int
    appliedbillingchargeouid: Number
    taxcategory: Text
    taxrate: Decimal | None
    amount: Number


class Balance(NamedTuple):
    """datalake_vault.billing_account_balance."""

    ouid: int
    datetimecreate: Instant
    datetimelastmodif: Instant
    billingaccountouid: Number
    transactionid: Text
    status: Text
    amount: Number
    startdatetime: Instant
    letteringdate: Instant
    aggregateid: Text
    accountingid: Text


class PaymentRequest(NamedTuple):
    """datalake_vault.payment_request."""

    ouid: int
    transactionid: Text
    status: Text
    daterequest: Instant
    datelastchangestatus: Instant


class PaymentItem(NamedTuple):
    """datalake_vault.payment_item."""

    paymentouid: Number
    referredouid: Number
    referredtype: Text
    amount: Number


class Advice(NamedTuple):
    """datalake_vault.settlement_note_advice."""

    ouid: int
    id: Text
    datetimecreate: Instant
    paymentduedate: Instant


class Product(NamedTuple):
    """datalake_vault.product."""

    ouid: int
    name: Text
    billingaccountouid: Number
    orderdate: Instant
    startdatetime: Instant
    enddatetime: Instant
    characteristics: Text


class OrderItem(NamedTuple):
    """datalake_vault.order_item."""

    product_ouid: Number
    productorderouid: Number


class ProductOrder(NamedTuple):
    """datalake_vault.product_order."""

    ouid: int
    state: Text


class Note(NamedTuple):
    """datalake_vault.note."""

    ouid: Number
    productorderouid: Number
    text: Text


class ChargeAggregate(NamedTuple):
    """datalake_vault.charge_aggregate."""

    ouid: int
    aggregateid: Text


class TaxAggregate(NamedTuple):
    """datalake_vault.tax_aggregate."""

    ouid: int
    chargeaggregateouid: Number
    taxcategory: Text
    taxrate: Decimal | None
    amount: Number


class Summary(NamedTuple):
    """bookkeeper_vault.summaries."""

    uuid: UUID
    create_time: Instant
    file_created_at: Instant
    export: bool | None


class Entry(NamedTuple):
    """bookkeeper_vault.journal_entries."""

    uuid: UUID
    summaries_uuid: UUID | None
    id: Text
    date: date | None


class Item(NamedTuple):
    """bookkeeper_vault.journal_entry_items."""

    uuid: UUID
    journal_entries_uuid: UUID | None
    account: Text
    amount: Number


class Metadata(NamedTuple):
    """bookkeeper_vault.journal_entry_item_account_metadata."""

    journal_entry_items_uuid: UUID | None
    type: Text
    key: Text
    value: Text


class Source(NamedTuple):
    """bookkeeper_vault.journal_entry_item_sources."""

    uuid: UUID
    journal_entry_items_uuid: UUID | None


class SourceItem(NamedTuple):
    """bookkeeper_vault.journal_entry_item_source_items."""

    journal_entry_item_sources_uuid: UUID | None
    tax_index: Number
    amount: Number
    amount_formula: Text
    transaction_items_uuid: UUID | None
    transaction_item_taxes_uuid: UUID | None


class ItemTax(NamedTuple):
    """bookkeeper_vault.journal_entry_item_taxes."""

    uuid: UUID
    journal_entry_items_uuid: UUID | None
    amount: Number


class TaxSource(NamedTuple):
    """bookkeeper_vault.journal_entry_item_tax_sources."""

    uuid: UUID
    journal_entry_item_taxes_uuid: UUID | None


class TaxSourceItem(NamedTuple):
    """bookkeeper_vault.journal_entry_item_tax_source_items."""

    journal_entry_item_tax_sources_uuid: UUID | None
    amount: Number
    base_amount: Number
    amount_formula: Text
    transaction_items_uuid: UUID | None


class TransactionItem(NamedTuple):
    """bookkeeper_vault.transaction_items."""

    uuid: UUID
    external_reference: Text


class TransactionItemTax(NamedTuple):
    """bookkeeper_vault.transaction_item_taxes."""

    uuid: UUID
    external_reference: Text


class Case(NamedTuple):
    """receivablemanagement_vault.case_receivables."""

    id: UUID
    mba: Text
    status: Text
    created_at: Instant


class CaseClaim(NamedTuple):
    """receivablemanagement_vault.dunning_claims."""

    case_receivable_id: UUID | None
    dunning_claim_id: UUID | None
    dunning_level: Number
    scenario: Text


class Lock(NamedTuple):
    """dunninglock_vault.dunning_locks."""

    mba: Text
    reason: Text
    deleted: bool | None
    expires_at: Instant
    created_at: Instant
    updated_at: Instant


class PasBooking(NamedTuple):
    """paymentallocation_vault.bookings."""

    id: UUID
    payment_id: UUID | None
    payment_state_id: UUID | None
    sap_id: Text


class PasPayment(NamedTuple):
    """paymentallocation_vault.payments."""

    id: UUID
    amount: Decimal | None


class PasState(NamedTuple):
    """paymentallocation_vault.payment_states."""

    id: UUID
    payment_status: Text
