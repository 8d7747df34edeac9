"""What a comparison found: numbers first, then a bounded sample."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from billing_aggregator.publications.compare.numbers import same_number

if TYPE_CHECKING:
    from collections.abc import Mapping

Value = str | None
Row = dict[str, Value]
#: A row's key, and of each column that differs both values.
Changed = tuple[Row, dict[str, tuple[Value, Value]]]


@dataclass(frozen=True)
class ColumnDifference:
    """One column of the rows that have changed.

    :param rows: changed rows in which it differs.
    :param null_or_empty: of them those with NULL on one side and an empty text on the other.
    """

    rows: int
    null_or_empty: int


@dataclass(frozen=True)
class RowDifferences:
    """The rows of two sides.

    :param equal: rows that are in both.
    :param written_differently: of them those with the same values in other words, such as ``1.0`` and ``1.00``.
    :param within_tolerance: of them those whose differences the tolerances allow.
    :param changed: keys whose row differs.
    :param only_in_a: rows without a partner, likewise *only_in_b*.
    :param ambiguous_keys: keys of differing rows that occur more than once on a side.
    :param columns: column -> in how many changed rows it differs.
    :param samples: of the changed rows: key, and of each column that differs both values. Without a key: nothing.
    :param samples_a: rows that only A has: their key, or without a key all columns; likewise *samples_b*.
    """

    equal: int
    written_differently: int = 0
    within_tolerance: int = 0
    changed: int = 0
    only_in_a: int = 0
    only_in_b: int = 0
    ambiguous_keys: int = 0
    columns: Mapping[str, ColumnDifference] = field(default_factory=dict)
    samples: tuple[Changed, ...] = ()
    samples_a: tuple[Row, ...] = ()
    samples_b: tuple[Row, ...] = ()

    @property
    def differ(self) -> bool:
        """Whether any row differs."""
        return bool(self.changed or self.only_in_a or self.only_in_b)


@dataclass(frozen=True)
class ExportComparison:
    """One export of both sides.

    :param rows: of A and of B, without headers.
    :param schema: a sentence for each difference of names, order or types.
    :param totals: column -> exact sum of A and of B, as text; of a side without a manifest as its files add up. None:
        the column holds what is no number.
    :param key: the columns that paired the rows; empty: whole rows were compared.
    :param tolerated: columns whose control total does not decide, as a tolerance was asked for.
    :param notes: what to know about the numbers, a sentence each.
    """

    name: str
    rows: tuple[int, int]
    schema: tuple[str, ...]
    totals: Mapping[str, tuple[Value, Value]]
    differences: RowDifferences
    key: tuple[str, ...] = ()
    tolerated: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def differing_totals(self) -> dict[str, tuple[Value, Value]]:
        """The control totals that are not the same number."""
        return {column: both for column, both in self.totals.items() if not same_number(*both)}

    @property
    def is_equal(self) -> bool:
        """Whether schema, rows and control totals are the same, but for what a tolerance allows."""
        totals = set(self.differing_totals) - set(self.tolerated)
        return not (self.schema or totals or self.differences.differ or self.rows[0] != self.rows[1])


@dataclass(frozen=True)
class Comparison:
    """Two sides.

    :param only_in_a: exports that B does not have; likewise *only_in_b*.
    """

    a: str
    b: str
    exports: tuple[ExportComparison, ...]
    only_in_a: tuple[str, ...] = ()
    only_in_b: tuple[str, ...] = ()

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs."""
        return not self.only_in_a and not self.only_in_b and all(export.is_equal for export in self.exports)

    @property
    def status(self) -> int:
        """0 equal, 1 different."""
        return 0 if self.is_equal else 1

    def data(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "ok": self.is_equal,
            "a": self.a,
            "b": self.b,
            "only_in_a": list(self.only_in_a),
            "only_in_b": list(self.only_in_b),
            "exports": [_export(export) for export in self.exports],
        }


def _export(export: ExportComparison) -> dict[str, Any]:
    rows = export.differences
    return {
        "export": export.name,
        "equal": export.is_equal,
        "rows": {"a": export.rows[0], "b": export.rows[1]},
        "schema": list(export.schema),
        "control_totals": {c: {"a": a, "b": b, "equal": same_number(a, b)} for c, (a, b) in export.totals.items()},
        "key": list(export.key),
        "equal_rows": rows.equal,
        "written_differently": rows.written_differently,
        "within_tolerance": rows.within_tolerance,
        "changed_rows": rows.changed,
        "only_in_a": rows.only_in_a,
        "only_in_b": rows.only_in_b,
        "ambiguous_keys": rows.ambiguous_keys,
        "columns": {c: {"rows": d.rows, "null_or_empty": d.null_or_empty} for c, d in rows.columns.items()},
        "samples": [
            {"key": key, "columns": {column: {"a": a, "b": b} for column, (a, b) in columns.items()}}
            for key, columns in rows.samples
        ],
        "samples_only_in_a": list(rows.samples_a),
        "samples_only_in_b": list(rows.samples_b),
        "notes": list(export.notes),
    }
