"""The amount of a posting line of a charge: the first rule that matches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.golden.model.basics import berlin_day, like

if TYPE_CHECKING:
    from tests.golden.model.aggregates import AggregateTax
    from tests.golden.model.charges import DataCharge
    from tests.golden.model.journal import Booking

GROSS = frozenset({"ac.TaxIncludedAmount", "TaxIncludedAmount"})
NETX = frozenset(
    {
        "TaxExcludedAmount - energyTax.Amount",
        "VATExcludedAmount - GASTAX",
        "VATExcludedAmount - ELECTRICITYTAX",
        "TaxIncludedAmount - VAT - ENERGYTAX",
        "TaxIncludedAmount - VAT - ELECTRICITYTAX",
        "TaxIncludedAmount - VAT - GASTAX",
    }
)
NET = frozenset({"VATExcludedAmount", "TaxIncludedAmount - VAT"})
ENERGY = frozenset({"energyTax.Amount", "GASTAX", "ELECTRICITYTAX"})
VAT = frozenset({"vat.Amount", "VAT"})
ZERO = Decimal(0)
Amount = Decimal | None


@dataclass(frozen=True)
class Line:
    """A charge, one of its postings, and the tax row joined to the posting's tax aggregate."""

    charge: DataCharge
    booking: Booking
    tax: AggregateTax | None

    def glid(self, pattern: str) -> bool:
        return like(self.charge.source.glid, pattern)

    def formula(self, *groups: frozenset[str]) -> bool:
        return any(self.booking.amount_calculation in group for group in groups)

    def booked(self, *, after: date = date.min, before: date) -> bool:
        day = self.booking.booking_created
        return day is not None and after < day < before

    @property
    def axis(self) -> str:
        return self.charge.source.analyticaxis or ""

    @property
    def cancel(self) -> bool:
        return like(self.axis, "%cancellation%")

    @property
    def has_vat(self) -> bool:
        return self.charge.taxes.vat not in (None, ZERO)

    def created_before(self, day: date) -> bool:
        created = berlin_day(self.charge.source.datetimecreate)
        return created is not None and created < day

    @property
    def vat(self) -> Decimal:
        return self.charge.taxes.vat or ZERO

    @property
    def energy(self) -> Decimal:
        return self.charge.taxes.energy or ZERO

    @property
    def net(self) -> Decimal:
        return self.charge.net or ZERO

    @property
    def gross(self) -> Decimal:
        return self.charge.gross or ZERO

    @property
    def signed_net(self) -> Amount:
        return self.net * self.charge.signs.net if self.charge.signs else None

    @property
    def signed_gross(self) -> Amount:
        return self.gross * self.charge.signs.gross if self.charge.signs else None

    def signed_vat(self, amount: Decimal) -> Amount:
        return amount * self.charge.signs.vat if self.charge.signs else None

    @property
    def net_without_energy(self) -> Amount:
        return self.net * self.charge.signs.net - self.energy * self.charge.signs.vat if self.charge.signs else None

    def by_tax_sign(self, amount: Decimal) -> Amount:
        return amount * self.tax.tax_sign if self.tax else None


Rule = tuple[str, Callable[[Line], bool], Callable[[Line], Amount]]
DISCOUNT_END = date(2023, 1, 18)
DISCOUNT_START = date(2021, 6, 6)
BONUS_START = date(2020, 11, 1)
BONUS_MIDDLE = date(2020, 11, 12)
BONUS_END = date(2023, 1, 13)
WRITE_OFF_END = date(2023, 1, 2)
SUBSCRIPTION_END = date(2021, 6, 8)
VAT_CREATED = date(2021, 10, 9)
VAT_LINKED = date(2024, 1, 4)
NET_BONUS = frozenset({"VATExcludedAmount"})


def _discount(line: Line) -> bool:
    return line.glid("%_DISCOUNT_%")


def _bonus(line: Line) -> bool:
    return line.glid("%_MANUAL_BONUS") and not line.cancel


def _subscription(line: Line) -> bool:
    return line.cancel and line.glid("%_SUBSCRIPTION_%") and line.booked(before=SUBSCRIPTION_END)


def _discount_window(line: Line) -> bool:
    return _discount(line) and line.booked(after=DISCOUNT_START, before=DISCOUNT_END)


def _early_discount(line: Line) -> bool:
    return _discount(line) and not line.cancel and line.booked(before=DISCOUNT_END)


def _bonus_window(line: Line) -> bool:
    return _bonus(line) and line.booked(after=BONUS_MIDDLE, before=BONUS_END)


def _first_bonuses(line: Line) -> bool:
    window = line.booked(after=BONUS_START, before=BONUS_MIDDLE)
    return _bonus(line) and window and like(line.booking.newko, "4%")


def _write_off(line: Line) -> bool:
    return like(line.axis, "%write-off%") and like(line.booking.newko, "5%") and line.booked(before=WRITE_OFF_END)


def _epilot(line: Line) -> bool:
    return line.glid("EPILOT_%")


RULES: tuple[Rule, ...] = (
    ("R01", lambda x: _discount_window(x) and x.formula(GROSS), lambda x: x.signed_net),
    ("R02", lambda x: _discount_window(x) and x.formula(NETX), lambda x: x.signed_gross),
    ("R03", lambda x: _early_discount(x) and x.formula(GROSS), lambda x: x.signed_net),
    ("R04", lambda x: _early_discount(x) and x.formula(NETX), lambda x: x.signed_gross),
    ("R05", lambda x: _first_bonuses(x) and x.formula(GROSS), lambda x: x.signed_net),
    ("R06", lambda x: _bonus_window(x) and x.formula(GROSS), lambda x: x.signed_net),
    ("R07", lambda x: _bonus_window(x) and x.formula(NETX, NET_BONUS), lambda x: x.signed_gross),
    ("R08", _write_off, lambda x: x.signed_net),
    ("R09", lambda x: _subscription(x) and x.formula(GROSS), lambda x: x.net_without_energy),
    ("R11", lambda x: _subscription(x) and x.formula(NETX), lambda x: x.signed_gross),
    ("R12", lambda x: _epilot(x) and x.formula(GROSS), lambda x: x.signed_vat(x.gross) if x.has_vat else x.gross),
    ("R13", lambda x: _epilot(x) and x.formula(NETX), lambda x: x.signed_vat(x.net) if x.has_vat else x.net),
    ("R14", lambda x: x.formula(GROSS), lambda x: x.signed_gross),
    ("R15", lambda x: x.formula(NETX), lambda x: x.net_without_energy),
    ("R16", lambda x: x.formula(NET), lambda x: x.signed_net),
    ("R18", lambda x: x.formula(ENERGY) and x.tax is not None, lambda x: x.by_tax_sign(x.energy)),
    ("R19", lambda x: x.formula(ENERGY), lambda x: abs(x.energy)),
    ("R20", lambda x: x.formula(VAT) and x.created_before(VAT_CREATED), lambda x: abs(x.vat)),
    (
        "R21",
        lambda x: x.formula(VAT) and x.tax is not None,
        lambda x: x.by_tax_sign(x.tax.tax_amount) if x.tax else None,
    ),
    ("R22", lambda x: x.formula(VAT) and x.booked(before=VAT_LINKED), lambda x: abs(x.vat)),
    ("R23", lambda x: x.formula(VAT), lambda x: x.signed_vat(x.vat)),
    ("R24", lambda _: True, lambda _: ZERO),
)


def booking_amount(line: Line) -> Amount:
    """Return the amount of the first matching rule, the same for debit and credit."""
    return next(amount(line) for _, matches, amount in RULES if matches(line))
