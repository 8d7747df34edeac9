"""Compares a relation with an expected CSV file as multisets, and explains differences by column and scenario."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql

if TYPE_CHECKING:
    from pathlib import Path

SHOWN = 12
Row = tuple[str | None, ...]


@dataclass(frozen=True)
class Difference:
    """Rows of the expected file that are missing, and rows that are too many, as text by column."""

    columns: tuple[str, ...]
    missing: tuple[Row, ...]
    extra: tuple[Row, ...]
    scenarios: dict[str, str]

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra)

    def scenario(self, row: Row) -> str:
        """Return the names of the scenarios that made the row's transaction, or its aggregate."""
        place = {name: row[index] for index, name in enumerate(self.columns)}
        keys = [place.get(name) for name in ("transaction_id", "aggregate_id")]
        return next((self.scenarios[key] for key in keys if key and key in self.scenarios), "no scenario names it")

    def __str__(self) -> str:
        lines = [f"{len(self.missing)} rows missing, {len(self.extra)} rows too many"]
        left = list(self.extra)
        for row in self.missing[:SHOWN]:
            twin = max(left, key=lambda other: _equal(row, other), default=None)
            if twin is None or _equal(row, twin) < len(self.columns) // 2:
                lines.append(f"- [{self.scenario(row)}] missing: {self._brief(row)}")
                continue
            left.remove(twin)
            lines.append(f"- [{self.scenario(row)}] differs: {self._brief(row)}")
            for name, expected, actual in zip(self.columns, row, twin, strict=True):
                if expected != actual:
                    lines.append(f"    {name}: expected {expected!r}, got {actual!r}")
        lines += [f"- [{self.scenario(row)}] too many: {self._brief(row)}" for row in left[:SHOWN]]
        return "\n".join(lines)

    def _brief(self, row: Row) -> str:
        pairs = zip(self.columns, row, strict=True)
        return ", ".join(f"{name}={value!r}" for name, value in pairs if value not in (None, "", "/"))


def load_expected(connection: Any, csv_file: Path, table: str) -> tuple[str, ...]:
    """Load *csv_file* into a temporary table of text columns; an unquoted empty field is NULL, ``""`` empty text."""
    with csv_file.open(encoding="utf-8", newline="") as lines:
        columns = tuple(next(csv.reader(lines)))
    fields = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in columns)
    name = sql.Identifier(table)
    connection.execute(sql.SQL("create temporary table {} ({})").format(name, fields))
    with connection.cursor().copy(sql.SQL("copy {} from stdin (format csv, header true)").format(name)) as copy:
        copy.write(csv_file.read_bytes())
    return columns


def load_scenarios(connection: Any, csv_file: Path) -> dict[str, str]:
    """Return transaction id and aggregate id → names of the scenarios that made them."""
    named: dict[str, set[str]] = {}
    charges: dict[str, str] = {}
    with csv_file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["object"] == "transaction":
                named.setdefault(row["id"], set()).add(row["scenario"])
            else:
                charges[row["id"]] = row["scenario"]
    stored = connection.execute(
        "select ouid::text, transactionid, aggregateid from datalake_vault.applied_billing_charge"
    )
    for ouid, transaction, aggregate in stored:
        for key in (transaction, aggregate):
            if key and ouid in charges:
                named.setdefault(key, set()).add(charges[ouid])
    return {key: ", ".join(sorted(names)) for key, names in named.items()}


def compare(
    connection: Any,
    relation: str,
    expected: str,
    columns: tuple[str, ...],
    scenarios: dict[str, str] | None = None,
) -> Difference:
    """Return the differences between *relation* and the loaded table *expected*, both ways, every column as text."""
    schema, _, name = relation.rpartition(".")
    found = sql.Identifier(schema, name) if schema else sql.Identifier(name)
    fields = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(column)) for column in columns)
    actual_rows = sql.SQL("select {} from {}").format(fields, found)
    expected_rows = sql.SQL("table {}").format(sql.Identifier(expected))
    both = sql.SQL("{} except all {}")
    missing = connection.execute(both.format(expected_rows, actual_rows)).fetchall()
    extra = connection.execute(both.format(actual_rows, expected_rows)).fetchall()
    return Difference(columns, tuple(missing), tuple(extra), scenarios or {})


def _equal(one: Row, other: Row) -> int:
    return sum(a == b for a, b in zip(one, other, strict=True))
