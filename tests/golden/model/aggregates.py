"""Signs of aggregates, tax rows and links of tax aggregates."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from tests.golden.model.basics import credit_like, euros, grouped, total

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.golden.model.billing_sources import Charge, TaxAggregate, TaxRow
    from tests.golden.model.vault import Vault

CATEGORIES = ("VAT", "gasTax", "electricityTax")


class Signs(NamedTuple):
    """Signs of VAT, gross and net of an aggregate (base_data_vat_aggregate_sign)."""

    vat: int
    gross: int
    net: int


class AggregateTax(NamedTuple):
    """A row of tax_amounts_per_tax_aggregate."""

    tax_ouid: int
    tax_amount: Decimal
    tax_sign: int


def vat_signs(vault: Vault) -> dict[str, Signs]:
    """Over all (charge, VAT row) pairs of a non-empty aggregate: -1 if the sum is below 0, else +1."""
    vat_rows = grouped(
        (row for row in vault.tax_rows if row.taxcategory == "VAT"), lambda row: row.appliedbillingchargeouid
    )
    pairs = [(charge, tax) for charge in vault.charges if charge.aggregateid for tax in vat_rows.get(charge.ouid, [])]
    return {
        aggregate: Signs(
            vat=_sign(tax.amount for _, tax in rows),
            gross=_sign(_flipped(charge, charge.taxincludedamount) for charge, _ in rows),
            net=_sign(_flipped(charge, charge.taxexcludedamount) for charge, _ in rows),
        )
        for aggregate, rows in grouped(pairs, lambda pair: pair[0].aggregateid).items()
    }


def _sign(amounts: Iterator[int | None]) -> int:
    return -1 if (total(amounts) or 0) < 0 else 1


def _flipped(charge: Charge, amount: int | None) -> int | None:
    return -amount if amount is not None and credit_like(charge.glid) else amount


def aggregate_taxes(vault: Vault) -> dict[tuple[int, int], list[AggregateTax]]:
    """(tax aggregate, charge) to the distinct tax rows of same category and rate with an amount."""
    found = {
        ((aggregate.ouid, charge.ouid), AggregateTax(tax.ouid, _euros(tax), _tax_sign(aggregate)))
        for aggregate, charge, tax in _linked(vault)
        if tax.amount is not None
    }
    return {key: [row for _, row in rows] for key, rows in grouped(found, lambda pair: pair[0]).items()}


def vat_links(vault: Vault) -> dict[int, set[int]]:
    """VAT link: charge to its VAT tax aggregates; the tax amount may be null."""
    links: dict[int, set[int]] = {}
    for aggregate, charge, _ in _linked(vault):
        if aggregate.taxcategory == "VAT":
            links.setdefault(charge.ouid, set()).add(aggregate.ouid)
    return links


def _linked(vault: Vault) -> Iterator[tuple[TaxAggregate, Charge, TaxRow]]:
    aggregates = grouped(vault.charge_aggregates, lambda row: row.ouid)
    charges = grouped(vault.charges, lambda row: row.aggregateid)
    taxes = grouped(vault.tax_rows, lambda row: (row.appliedbillingchargeouid, row.taxcategory, row.taxrate))
    for tax_aggregate in vault.tax_aggregates:
        if tax_aggregate.taxcategory in CATEGORIES:
            for aggregate in aggregates.get(tax_aggregate.chargeaggregateouid, []):
                for charge in charges.get(aggregate.aggregateid, []):
                    for tax in taxes.get((charge.ouid, tax_aggregate.taxcategory, tax_aggregate.taxrate), []):
                        yield tax_aggregate, charge, tax


def _euros(tax: TaxRow) -> Decimal:
    return euros(tax.amount) or Decimal(0)


def _tax_sign(aggregate: TaxAggregate) -> int:
    amount = aggregate.amount or 0
    return (amount > 0) - (amount < 0)
