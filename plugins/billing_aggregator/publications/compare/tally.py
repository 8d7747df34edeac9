"""What the parts of a comparison add up to: counts, and the first rows of each kind in the order of their keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from billing_aggregator.publications.compare.result import ColumnDifference, RowDifferences

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing_aggregator.publications.compare.result import Changed, Row, Value
    from billing_aggregator.publications.compare.table import Table


@dataclass
class Tally:
    """Grows with each part.

    :param limit: rows to keep of each kind of difference.
    """

    table: Table
    limit: int
    changed: int = 0
    within_tolerance: int = 0
    rewritten: int = 0
    only_in_a: int = 0
    only_in_b: int = 0
    ambiguous: int = 0
    columns: dict[str, ColumnDifference] = field(default_factory=dict)
    samples: list[Changed] = field(default_factory=list)
    samples_a: list[Row] = field(default_factory=list)
    samples_b: list[Row] = field(default_factory=list)

    def add_column(self, column: str, rows: int, null_or_empty: int) -> None:
        """Count the rows of a part in which a column differs."""
        if rows:
            known = self.columns.get(column, ColumnDifference(0, 0))
            self.columns[column] = ColumnDifference(known.rows + rows, known.null_or_empty + null_or_empty)

    def add_changed(self, rows: Iterable[Changed]) -> None:
        """Keep the first of these and the known rows."""
        self.samples = sorted([*self.samples, *rows], key=lambda row: _order(row[0]))[: self.limit]

    def add_lonely(self, side: str, rows: Iterable[Row]) -> None:
        """Keep the first of these and the known rows of one side, ``a`` or ``b``."""
        known = self.samples_a if side == "a" else self.samples_b
        known[:] = sorted([*known, *rows], key=_order)[: self.limit]

    def differences(self, rows_a: int) -> RowDifferences:
        """Return what was found.

        :param rows_a: rows of A.
        """
        return RowDifferences(
            equal=rows_a - self.changed - self.only_in_a,
            written_differently=self.rewritten,
            within_tolerance=self.within_tolerance,
            changed=self.changed,
            only_in_a=self.only_in_a,
            only_in_b=self.only_in_b,
            ambiguous_keys=self.ambiguous if self.table.key else 0,
            columns={c: self.columns[c] for c in self.table.columns if c in self.columns},
            samples=tuple(self.samples),
            samples_a=tuple(self.samples_a),
            samples_b=tuple(self.samples_b),
        )


def _order(row: Row) -> list[tuple[bool, Value]]:
    """Return what sorts rows as the engine does: texts by their code points, NULL last."""
    return [(value is None, value or "") for value in row.values()]
