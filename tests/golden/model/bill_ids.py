"""Bill ids of manual consumption, from the product."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.golden.model.basics import UTC, characteristic, grouped, like

if TYPE_CHECKING:
    from datetime import datetime

    from tests.golden.model.billing_sources import Charge, Product
    from tests.golden.model.vault import Vault


def consumption_bill_ids(vault: Vault) -> dict[str, str]:
    """Transaction to bill id. Tie: lowest product ouid.

    Charges before the cut-off find bill ids too: what is looked at (product name, period, instant of creation) is no
    column of the charges after the cut-off, so all charges must be meant.
    """
    products = grouped(vault.products, _product_key)
    found: dict[str, tuple[int, str]] = {}
    for charge in vault.charges:
        if like(charge.glid, "%_MANUAL_CONSUMPTION") and charge.transactionid is not None:
            for product in products.get(_charge_key(charge), []):
                bill_id = characteristic(product.characteristics, "billId")
                if bill_id is not None:
                    candidate = (product.ouid, bill_id)
                    found[charge.transactionid] = min(found.get(charge.transactionid, candidate), candidate)
    return {transaction: bill_id for transaction, (_, bill_id) in found.items()}


def _product_key(row: Product) -> tuple[object, ...]:
    return row.billingaccountouid, row.name, row.startdatetime, row.enddatetime, _hour(row.orderdate)


def _charge_key(row: Charge) -> tuple[object, ...]:
    return row.billingaccountouid, row.productname, row.startdatetime, row.enddatetime, _hour(row.datetimecreate)


def _hour(instant: datetime | None) -> datetime | None:
    """Clock hour; the same hours in UTC as in Berlin, whose offset is whole hours."""
    return instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0) if instant else None
