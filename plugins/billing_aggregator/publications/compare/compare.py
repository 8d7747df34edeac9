"""Compares two sides export by export: schema, rows, control totals, then row by row."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from billing_aggregator.publications.compare.engine import Engine, Reading, reading
from billing_aggregator.publications.compare.numbers import exact_sum, numeric_columns
from billing_aggregator.publications.compare.result import Comparison, ExportComparison, RowDifferences
from billing_aggregator.publications.compare.rows import compare_rows, count_rows
from billing_aggregator.publications.compare.schema import schema_differences
from billing_aggregator.publications.compare.table import Table
from billing_aggregator.publications.errors import BrokenPublicationError, WrongQuestionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from billing_aggregator.publications.compare.sides import ExportFiles, Side
    from billing_aggregator.publications.compare.wanted import Wanted


COLUMNS_SHOWN = 5


def compare(
    a: Side,
    b: Side,
    wanted: Wanted,
    *,
    defined_key: Callable[[str], Sequence[str]] = lambda _: (),
    read: Callable[[int], None] | None = None,
) -> Comparison:
    """Return what differs. Files of a bucket are copied to a temporary folder (``TMPDIR``) for as long as it takes.

    :param defined_key: returns the key of an export's definition, which is used where *wanted* has none.
    :param read: is told the bytes of each piece that was read from a store.
    :raises PublicationError: a side is broken, gone or unreadable; an export, column or key is not there.
    """
    pairs, only_a, only_b = matched(a, b, wanted.export)
    found = []
    for name_a, name_b in pairs:
        with tempfile.TemporaryDirectory(prefix="bda-compare-") as folder:
            places = Path(folder, "a"), Path(folder, "b")
            for place in places:
                place.mkdir()
            files = a.fetch(name_a, places[0], wanted.dialect, read), b.fetch(name_b, places[1], wanted.dialect, read)
            with Engine(Path(folder), wanted.memory_mib) as engine:
                name = _published(a, b, name_a, name_b)
                found.append(_compare_export(engine, name, files, wanted, tuple(defined_key(name))))
    return Comparison(a.title, b.title, tuple(found), only_a, only_b)


def matched(a: Side, b: Side, export: str | None) -> tuple[list[tuple[str, str]], tuple[str, ...], tuple[str, ...]]:
    """Return which exports belong together, and those that only one side has.

    Plain files of one export are compared with the one that was asked for, or with the only one of the other side.

    :raises WrongQuestionError: the export is not there, or nobody can tell which one is meant.
    """
    if export is not None:
        names = [_only(side, export) for side in (a, b)]
        return [(names[0], names[1])], (), ()
    common = [name for name in a.exports if name in b.exports]
    if not common:
        if len(a.exports) == len(b.exports) == 1:
            return [(a.exports[0], b.exports[0])], (), ()
        raise WrongQuestionError(
            f"no export has the same name on both sides: {a.title} has {', '.join(a.exports)}, {b.title} has "
            f"{', '.join(b.exports)}; name one with --export"
        )
    plain = a.found is None or b.found is None
    only_a = () if plain else tuple(name for name in a.exports if name not in b.exports)
    only_b = () if plain else tuple(name for name in b.exports if name not in a.exports)
    return [(name, name) for name in common], only_a, only_b


def _published(a: Side, b: Side, name_a: str, name_b: str) -> str:
    """Return the name of the export: the published one where the other side is plain files."""
    return name_b if a.found is None and b.found is not None else name_a


def _only(side: Side, export: str) -> str:
    if export in side.exports:
        return export
    if side.found is None and len(side.exports) == 1:
        return side.exports[0]
    raise WrongQuestionError(f"{side.title} has no export {export}; it has {', '.join(side.exports) or 'none'}")


def _compare_export(
    engine: Engine, name: str, files: tuple[ExportFiles, ExportFiles], wanted: Wanted, defined: tuple[str, ...]
) -> ExportComparison:
    a, b = files
    table = _table(a, b, wanted, defined)
    sources = [
        reading(side, table.columns, empty_is_null=wanted.empty_is_null, memory_mib=wanted.memory_mib)
        for side in (a, b)
    ]
    if a.digests and a.digests == b.digests and (a.dialect, a.columns) == (b.dialect, b.columns):
        rows, differences = (a.rows or 0, b.rows or 0), RowDifferences(equal=a.rows or 0)
    else:
        rows = count_rows(engine, sources)
        _check_counts(rows, (a, b))
        differences = compare_rows(engine, table, sources, wanted.sample_rows)
    numbers = sorted(table.numbers, key=table.columns.index)
    totals = [_totals(engine, side, source, table, numbers) for side, source in zip((a, b), sources, strict=True)]
    return ExportComparison(
        name=name,
        rows=rows,
        schema=tuple(schema_differences(a, b)),
        totals={column: (totals[0][column], totals[1][column]) for column in numbers},
        differences=differences,
        key=tuple(table.key),
        tolerated=tuple(wanted.tolerances),
        notes=tuple(_notes(a, b, table, differences, defined)),
    )


def _notes(
    a: ExportFiles, b: ExportFiles, table: Table, differences: RowDifferences, defined: tuple[str, ...]
) -> Iterator[str]:
    if not table.key:
        lacking = ", ".join(column for column in defined if column not in table.columns)
        why = f"not both sides have {lacking} of the defined key" if lacking else "no key is defined"
        yield f"{why}: whole rows were compared; name key columns with --key"
    if a.dialect.neutralises != b.dialect.neutralises:
        side = "A" if a.dialect.neutralises else "B"
        yield f"only {side} has an apostrophe before texts that a spreadsheet would run as formulas"
    if differences.ambiguous_keys:
        yield (
            f"{differences.ambiguous_keys:,} keys ({', '.join(table.key)}) of differing rows occur more than once: "
            "their rows were paired in the order of their values; add columns to --key to pair them for certain"
        )


def _table(a: ExportFiles, b: ExportFiles, wanted: Wanted, defined: tuple[str, ...]) -> Table:
    columns = [column for column in a.columns if column in b.columns]
    if not columns:
        raise WrongQuestionError(
            f"export {a.name}: the two sides have no column in common: A has {_first(a.columns)}, B has "
            f"{_first(b.columns)}; a file without a manifest needs a header line, and perhaps --delimiter"
        )
    # A defined key may have columns that an older file does not have; one that was asked for must be there.
    key = wanted.key or (defined if set(defined) <= set(columns) else ())
    for what, names in (("--key", key), ("--tolerance", wanted.tolerances)):
        for name in names:
            if name not in columns:
                side = "both sides" if name not in (*a.columns, *b.columns) else "A" if name in b.columns else "B"
                raise WrongQuestionError(
                    f"export {a.name}: {what} {name}: {side} lack{'s' * (len(side) == 1)} this column; both have "
                    f"{', '.join(columns)}"
                )
    numbers = numeric_columns(a.types, b.types) | set(a.totals) | set(b.totals) | set(wanted.tolerances)
    return Table(columns, key, frozenset(numbers & set(columns)), wanted.tolerances)


def _first(columns: Sequence[str]) -> str:
    return ", ".join(columns[:COLUMNS_SHOWN]) + (", ..." if len(columns) > COLUMNS_SHOWN else "")


def _check_counts(rows: tuple[int, int], sides: tuple[ExportFiles, ExportFiles]) -> None:
    for counted, side in zip(rows, sides, strict=True):
        if side.rows not in (None, counted):
            raise BrokenPublicationError(
                f"export {side.name}: its files have {counted} rows, the manifest says {side.rows}; see verify"
            )


def _totals(
    engine: Engine, side: ExportFiles, source: Reading, table: Table, numbers: Sequence[str]
) -> dict[str, str | None]:
    """Return the manifest's control totals, or what the files add up to where it has none."""
    missing = [column for column in numbers if column not in side.totals]
    found: dict[str, str | None] = {column: side.totals[column] for column in numbers if column in side.totals}
    if missing:
        values = [exact_sum(source.values[table.columns.index(column)]) for column in missing]
        sums = engine.run(f"select {', '.join(f'({value})::varchar' for value in values)} from {source.source}")[0]
        shown = (None if total is None else f"{Decimal(total).normalize():f}" for total in sums)
        found |= dict(zip(missing, shown, strict=True))
    return found
