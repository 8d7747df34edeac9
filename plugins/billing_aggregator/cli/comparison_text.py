"""A comparison in words: numbers first, then samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.publications.compare.numbers import same_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing_aggregator.publications.compare import Comparison, ExportComparison

WIDTH = 60


def comparison(found: Comparison) -> str:
    """Return what differs, for people."""
    lines = [f"A  {found.a}", f"B  {found.b}"]
    lines += [f"only A has the export {name}" for name in found.only_in_a]
    lines += [f"only B has the export {name}" for name in found.only_in_b]
    for export in found.exports:
        lines += ["", *_export(export)]
    return "\n".join([*lines, "", "equal" if found.is_equal else "different"])


def _export(export: ExportComparison) -> Iterator[str]:
    rows = export.differences
    yield f"{export.name}: {'equal' if export.is_equal else 'DIFFERENT'}"
    yield f"  {'rows':<34} {export.rows[0]:>20,} {export.rows[1]:>20,}"
    for column, (a, b) in export.totals.items():
        mark = "" if same_number(a, b) else "  tolerated" if column in export.tolerated else "  differs"
        yield f"  total {column:<28} {a or 'no number':>20} {b or 'no number':>20}{mark}"
    yield from (f"  schema: {line}" for line in export.schema)
    counts = {
        "equal rows": rows.equal,
        "of them other words, same numbers": rows.written_differently,
        "of them within the tolerance": rows.within_tolerance,
        "changed rows": rows.changed,
        "rows only in A": rows.only_in_a,
        "rows only in B": rows.only_in_b,
    }
    yield from (f"  {what:<34} {count:>20,}" for what, count in counts.items() if count or not what.startswith("of "))
    if export.key and rows.differ:
        yield f"  key: {', '.join(export.key)}"
    yield from (f"  note: {note}" for note in export.notes)
    for column, difference in rows.columns.items():
        only = f", of them {difference.null_or_empty:,} NULL against empty" if difference.null_or_empty else ""
        yield f"    {column:<32} differs in {counted(difference.rows, 'row')}{only}"
    for key, columns in rows.samples:
        yield f"    changed    {_values(key)}"
        yield from (f"               {column}: {_value(a)} -> {_value(b)}" for column, (a, b) in columns.items())
    for side, samples in (("A", rows.samples_a), ("B", rows.samples_b)):
        yield from (f"    only in {side}  {_values(row)}" for row in samples)


def counted(number: int, thing: str) -> str:
    """Return ``1 file`` or ``2 files``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _values(row: dict[str, str | None]) -> str:
    return ", ".join(f"{column}={_value(value)}" for column, value in row.items())


def _value(value: str | None) -> str:
    """Return NULL, or a text in quotes, on one line and cut."""
    if value is None:
        return "NULL"
    shown = value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '""')
    return f'"{shown[:WIDTH]}{"..." if len(shown) > WIDTH else ""}"'
