"""Two publications side by side, in numbers: rows, control totals, columns, files. Exact, from what runs recorded."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from billing_aggregator.ui.texts import count, exact_number, number, percent, signed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing_aggregator.runs.run_history import ColumnRecord, ExportRecord, RunRecord


@dataclass(frozen=True)
class Figure:
    """One figure of both publications as text.

    :param change: how much the first has more than the second; empty: one of them does not have it.
    """

    name: str
    this: str
    other: str
    change: str
    percent: str

    @property
    def same(self) -> bool:
        """Whether both have it, and the same."""
        return self.this == self.other


@dataclass(frozen=True)
class ExportComparison:
    """One export of both.

    :param figures: rows, then each control total.
    :param schema: what is different in the columns, one line each; None: not recorded of both.
    :param files: what can be said of the files in one line; empty: not recorded of both.
    :param both: whether both have published it.
    """

    name: str
    figures: tuple[Figure, ...]
    schema: tuple[str, ...] | None
    files: str
    both: bool

    @property
    def same(self) -> bool:
        """Whether no figure and no column differs."""
        return all(figure.same for figure in self.figures) and not self.schema


def compare_totals(this: RunRecord, other: RunRecord | None) -> dict[str, list[Figure]]:
    """Return export -> its control totals in *this* beside those of *other*."""
    before = other.totals if other else {}
    found = {}
    for export, totals in sorted(this.totals.items()):
        theirs = before.get(export, {})
        columns = sorted({*totals, *theirs})
        found[export] = [_figure(column, totals.get(column), theirs.get(column)) for column in columns]
    return found


def compare(
    this: RunRecord,
    other: RunRecord,
    exports: Mapping[str, ExportRecord],
    others: Mapping[str, ExportRecord],
) -> list[ExportComparison]:
    """Return each export that one of both has.

    :param exports: what *this* has published; empty where that was not recorded. *others* likewise.
    """
    found = []
    for name in sorted({*this.totals, *other.totals}):
        mine, theirs = exports.get(name), others.get(name)
        figures = [_rows(mine, theirs)] if mine or theirs else []
        totals, before = this.totals.get(name, {}), other.totals.get(name, {})
        figures += [_figure(column, totals.get(column), before.get(column)) for column in sorted({*totals, *before})]
        both = mine is not None and theirs is not None
        schema = tuple(_schema(mine.columns, theirs.columns)) if mine and theirs else None
        files = _files(mine, theirs) if both else ""
        in_both = name in this.totals and name in other.totals
        found.append(ExportComparison(name, tuple(figures), schema, files, in_both))
    return found


def _figure(name: str, this: str | None, other: str | None) -> Figure:
    now, before = exact_number(this), exact_number(other)
    both = now is not None and before is not None
    change = signed(now - before) if now is not None and before is not None else ""
    return Figure(name, number(this), number(other), change, percent(now, before) if both else "")


def _rows(mine: ExportRecord | None, theirs: ExportRecord | None) -> Figure:
    now, before = mine.rows if mine else None, theirs.rows if theirs else None
    change = signed(now - before) if now is not None and before is not None else ""
    return Figure("rows", number(now), number(before), change, percent(_exact(now), _exact(before)))


def _exact(value: int | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def _schema(mine: tuple[ColumnRecord, ...], theirs: tuple[ColumnRecord, ...]) -> list[str]:
    types, before = ({column.name: column.type for column in columns} for columns in (mine, theirs))
    lines = [f"column {name} is new" for name in types if name not in before]
    lines += [f"column {name} is gone" for name in before if name not in types]
    kept = [name for name in types if name in before]
    if kept != [name for name in before if name in types]:
        lines.append("the columns are in another order")
    changed = [name for name in kept if types[name] and before[name] and types[name] != before[name]]
    lines += [f"{name} was {before[name]} and is {types[name]}" for name in changed]
    return lines


def _files(mine: ExportRecord | None, theirs: ExportRecord | None) -> str:
    if mine is None or theirs is None:
        return ""
    if [file.sha256 for file in mine.files] == [file.sha256 for file in theirs.files]:
        return "the files are the same, byte for byte"
    known = {file.sha256 for file in theirs.files}
    same = sum(file.sha256 in known for file in mine.files)
    here, there = count(len(mine.files), "file"), count(len(theirs.files), "file")
    return f"{here} and {there}, {f'{same} of them the same, byte for byte' if same else 'which differ'}"
