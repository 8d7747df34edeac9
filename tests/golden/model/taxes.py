"""Taxes per charge (base_data_taxes)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.golden.model.aggregates import CATEGORIES
from tests.golden.model.basics import euros, grouped, total

if TYPE_CHECKING:
    from decimal import Decimal

    from tests.golden.model.vault import Vault


class Taxes(NamedTuple):
    """VAT and energy tax of a charge in euros; null without a row of that kind."""

    vat: Decimal | None
    energy: Decimal | None


def charge_taxes(vault: Vault) -> dict[int, Taxes]:
    """Charge to taxes; charges without a row of the three categories are absent."""
    rows = grouped(
        (row for row in vault.tax_rows if row.taxcategory in CATEGORIES), lambda row: row.appliedbillingchargeouid
    )
    return {
        charge: Taxes(
            vat=euros(total(row.amount for row in taxes if row.taxcategory == "VAT")),
            energy=euros(total(row.amount for row in taxes if row.taxcategory != "VAT")),
        )
        for charge, taxes in rows.items()
    }
