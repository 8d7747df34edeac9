"""What may be changed of the billing: charges, balances, payments, accounts, products."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.golden.fuzzing import values
from tests.golden.fuzzing.columns import AGGREGATE, CENTS, INSTANT, OTHER, Column, chosen

if TYPE_CHECKING:
    from tests.golden.fuzzing.columns import Tables

TRANSACTION = Column(like="datalake_vault.applied_billing_charge.transactionid")
ACCOUNT = Column(like="datalake_vault.billing_account.ouid")
CUSTOMER = Column(like="datalake_vault.billing_account.customerouid")
ACCOUNTING = Column(chosen(("ignored", "ignored", "IGNORED", "", None)))
RATE = Column(chosen(values.RATES))
CATEGORY = Column(chosen(values.CATEGORIES))
BILLING_TABLES: Tables = {
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
}
