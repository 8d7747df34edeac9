"""Which columns are compared, which of them tell rows apart, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing_aggregator.publications.compare.numbers import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal


@dataclass(frozen=True)
class Table:
    """What is compared.

    :param columns: names of the compared columns; ``c0``, ``c1`` ... stand for them.
    :param key: those that tell rows apart; none: rows are compared as a whole.
    :param numbers: those that are compared as numbers.
    :param tolerances: column -> largest difference that counts as none.
    """

    columns: Sequence[str]
    key: Sequence[str]
    numbers: frozenset[str]
    tolerances: Mapping[str, Decimal]

    def place(self, column: str) -> str:
        """Return the name of a column in the engine."""
        return f"c{self.columns.index(column)}"

    @property
    def paired_by(self) -> Sequence[str]:
        """The columns that make two rows partners: the key, or all of them where there is none."""
        return self.key or self.columns

    def key_of(self, values: Sequence[str]) -> list[str]:
        """Return SQL of the key, of which one number has one form only.

        :param values: SQL of all columns.
        """
        values = [values[self.columns.index(column)] for column in self.paired_by]
        return [canonical(v) if c in self.numbers else v for c, v in zip(self.paired_by, values, strict=True)]
