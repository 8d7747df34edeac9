"""Section 22 of the specification in plain Python, with exact fractions: what usage costs, and what is posted."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)
Resource: TypeAlias = tuple[str, str]
#: customer, month, (meter, kind, start of the price)
Amounts: TypeAlias = dict[tuple[str, str, tuple[str, str, datetime]], int]


@dataclass(frozen=True)
class Price:
    """Microcredits for so many units of a kind, from *since* until *until*."""

    meter: str
    kind: str
    microcredits: int
    unit: int
    since: datetime
    until: datetime


@dataclass
class Hour:
    """A reading: what was measured at *taken_at*."""

    taken_at: datetime
    complete: bool
    values: dict[Resource, Fraction]


@dataclass
class Platform:
    """Readings by hour, what each resource is, and whose it is."""

    zone: ZoneInfo
    readings: dict[datetime, Hour] = field(default_factory=dict)
    kinds: dict[Resource, str] = field(default_factory=dict)
    owners: dict[Resource, str | None] = field(default_factory=dict)
    prices: list[Price] = field(default_factory=list)

    def estimates(self, max_gap: int = 6) -> dict[datetime, dict[Resource, Fraction]]:
        """Rule 3: the smaller value of both ends, for each hour without a reading of a gap that is short enough."""
        ends = sorted(hour for hour, reading in self.readings.items() if reading.complete)
        found: dict[datetime, dict[Resource, Fraction]] = {}
        for first, last in pairwise(ends):
            missed = round((last - first) / HOUR) - 1
            earlier, later = self.readings[first].values, self.readings[last].values
            both = {name: min(earlier[name], later[name]) for name in earlier.keys() & later.keys()}
            for step in range(1, missed + 1):
                hour = first + step * HOUR
                if missed <= max_gap and both and hour not in self.readings:
                    found[hour] = both
        return found

    def exact(self, max_gap: int = 6) -> dict[tuple[str, str, tuple[str, str, datetime]], dict[str, Fraction]]:
        """Rules 4 to 6: (customer, month, price) -> resource -> exact microcredits."""
        measured = [(reading.taken_at, reading.values) for reading in self.readings.values()]
        measured += list(self.estimates(max_gap).items())
        found: dict[tuple[str, str, tuple[str, str, datetime]], dict[str, Fraction]] = defaultdict(dict)
        for taken_at, values in measured:
            month = f"{taken_at.astimezone(self.zone):%Y-%m}"
            for (meter, resource), value in values.items():
                owner = self.owners[meter, resource]
                price = self.price(meter, self.kinds[meter, resource], taken_at)
                if owner is None or price is None:
                    continue
                rows = found[owner, month, (meter, price.kind, price.since)]
                rows[resource] = rows.get(resource, Fraction()) + value * price.microcredits / price.unit
        return found

    def price(self, meter: str, kind: str, at: datetime) -> Price | None:
        """Return the price of a kind at an instant."""
        for price in self.prices:
            if (price.meter, price.kind) == (meter, kind) and price.since <= at < price.until:
                return price
        return None

    def amounts(self) -> Amounts:
        """Rule 5: rounded once per customer, month and price."""
        return {key: half_away(sum(rows.values(), Fraction())) for key, rows in self.exact().items()}

    def months(self) -> dict[tuple[str, str], int]:
        """Return (customer, month) -> microcredits."""
        found: dict[tuple[str, str], int] = defaultdict(int)
        for (owner, month, _), amount in self.amounts().items():
            found[owner, month] += amount
        return dict(found)

    def lines(self) -> dict[tuple[str, str, str, datetime], int]:
        """Rule 9: (customer, month, resource, start of the price) -> microcredits, by largest remainder."""
        found = {}
        for (owner, month, price), rows in self.exact().items():
            whole = {name: value.numerator // value.denominator for name, value in rows.items()}
            left = half_away(sum(rows.values(), Fraction())) - sum(whole.values())
            for name in sorted(rows, key=lambda name: (-(rows[name] - whole[name]), name))[:left]:
                whole[name] += 1
            found.update({(owner, month, name, price[2]): amount for name, amount in whole.items()})
        return found


def half_away(value: Fraction) -> int:
    """Return *value*, not below zero, rounded half away from zero."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def post(posted: dict[str, Fraction], months: dict[tuple[str, str], int], day: date) -> None:
    """Rule 7: add tonight's postings, key -> credits, to those of earlier nights."""
    sums: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    numbers: dict[tuple[str, str], int] = defaultdict(int)
    for key, credits in posted.items():
        _, owner, month, *_ = key.split(":")
        sums[owner, month] += credits
        numbers[owner, month] += 1
    for owner, month in sorted(months.keys() | sums.keys()):
        difference = Fraction(months.get((owner, month), 0), 1_000_000) - sums[owner, month]
        if month < f"{day:%Y-%m}" and difference:
            number = numbers[owner, month]
            posted[f"usage:{owner}:{month}" + (f":{number}" if number else "")] = difference


def hour_of(taken_at: datetime) -> datetime:
    """Return the instant cut to the hour in UTC."""
    return taken_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
