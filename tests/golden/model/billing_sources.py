"""The billing's tables as Python objects: one class a table, its docstring is the table, its fields are the columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from decimal import Decimal

    from tests.golden.model.columns import Instant, Number, Text


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
