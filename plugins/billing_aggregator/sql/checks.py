"""Runs one check: a SELECT that returns the rows that offend a rule. None is a pass. Pure DB-API: psycopg 3, psycopg2.

A check's first lines say what it is::

    -- fail: every charge has one open item
    -- needs: dunning_vault.claims
    -- Any further comment, then one SELECT.

``fail`` stops the run, ``warn`` and ``info`` are reported only. ``needs`` is optional: a check whose tables do not
exist in this warehouse is skipped and says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from billing_aggregator.config.text_files import SourceFileError
from billing_aggregator.sql.runner import StatementError, set_local
from billing_aggregator.sql.statements import as_query, split_statements

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from billing_aggregator.postgres.protocols import Connection, Cursor

Severity = Literal["fail", "warn", "info"]
HEADER = re.compile(r"-- (?P<severity>fail|warn|info): (?P<title>\S.*)")
NEEDS = re.compile(r"-- needs: (?P<tables>[a-z_]\w*\.[a-z_]\w*(?:, [a-z_]\w*\.[a-z_]\w*)*)")
SAMPLE_ROWS = 20
MISSING = """
select wanted.name
from unnest(string_to_array(%s, ',')) with ordinality as wanted (name, place)
where not exists (
    select from pg_class
    inner join pg_namespace on pg_namespace.oid = pg_class.relnamespace
    where pg_namespace.nspname || '.' || pg_class.relname = wanted.name
)
order by wanted.place
"""


class CheckError(SourceFileError):
    """A check file is not as it must be; the message names the file and the way out."""


@dataclass(frozen=True)
class Check:
    """A check as its file has it.

    :param severity: what a violation means: ``fail``, ``warn`` or ``info``.
    :param title: what must hold, in one line.
    :param needs: tables as ``schema.table`` without which the check is skipped.
    :param query: the file's text without the semicolon behind its query.
    """

    severity: Severity
    title: str
    needs: tuple[str, ...]
    query: str


@dataclass(frozen=True)
class CheckResult:
    """What a check found.

    :param violations: number of offending rows, all of them.
    :param columns: names of the sample's columns.
    :param sample: at most :data:`SAMPLE_ROWS` offending rows as text, NULL as None.
    :param missing: tables that the check needs and the warehouse does not have; not empty: the check was skipped.
    """

    severity: Severity
    title: str
    violations: int = 0
    columns: tuple[str, ...] = ()
    sample: tuple[tuple[str | None, ...], ...] = ()
    missing: tuple[str, ...] = ()


def parse_check(text: str, source: object) -> Check:
    """Read a check's header lines; *source* names the file in a :class:`CheckError`."""
    lines = text.split("\n") if text else []
    header = HEADER.fullmatch(lines[0].rstrip()) if lines else None
    if header is None:
        raise CheckError(
            f"{source}: the first line of a check is '-- fail: <what must hold>', '-- warn: ...' or '-- info: ...', "
            f"not {lines[0] if lines else ''!r}"
        )
    needs: tuple[str, ...] = ()
    if len(lines) > 1 and lines[1].startswith("-- needs:"):
        match = NEEDS.fullmatch(lines[1].rstrip())
        if match is None:
            raise CheckError(f"{source}: line 2 is '-- needs: <schema>.<table>, ...', not {lines[1]!r}")
        needs = tuple(match["tables"].split(", "))
    query = as_query(text)
    if not split_statements(query):
        raise CheckError(f"{source}: there is no SELECT below the comments")
    return Check(cast("Severity", header["severity"]), header["title"], needs, query)


def run_check(
    connection: Connection,
    check: Check,
    settings: Mapping[str, str] | None = None,
    guard: Callable[[Cursor], None] | None = None,
) -> CheckResult:
    """Run *check* in a read-only transaction of its own, with ``bda.<name>`` set for each of *settings*.

    The connection must not be in autocommit mode and must have no transaction open. The transaction is rolled back:
    a check leaves nothing behind.

    :param guard: is called with the cursor behind the SELECT, in its transaction; refuses what was read by an error.
    :raises StatementError: the SELECT failed.
    :raises ValueError: the connection is in autocommit mode.
    """
    if connection.autocommit:
        raise ValueError("a check needs a transaction: the connection must not be in autocommit mode")
    try:
        with connection.cursor() as cursor:
            cursor.execute("set transaction read only")
            return select_violations(cursor, check, settings, guard)
    finally:
        connection.rollback()


def select_violations(
    cursor: Cursor,
    check: Check,
    settings: Mapping[str, str] | None = None,
    guard: Callable[[Cursor], None] | None = None,
) -> CheckResult:
    """Run *check* in the transaction that *cursor* is in, which the caller undoes; see :func:`run_check`."""
    set_local(cursor, settings or {})
    missing = _missing(cursor, check.needs)
    if missing:
        return CheckResult(check.severity, check.title, missing=missing)
    _select(cursor, check)
    columns = tuple(column[0] for column in (cursor.description or ())[:-1])
    rows = cursor.fetchall()
    if guard:
        guard(cursor)
    sample = tuple(tuple(None if value is None else str(value) for value in row[:-1]) for row in rows)
    return CheckResult(check.severity, check.title, rows[0][-1] if rows else 0, columns, sample)


def _select(cursor: Cursor, check: Check) -> None:
    # Sent without parameters, so % needs no escape. Materialized, so that the limit does not bend the plan.
    before = "with violation as materialized (\n"
    after = f"\n)\nselect violation.*, count(*) over () as violations_total from violation limit {SAMPLE_ROWS}"
    try:
        cursor.execute(before + check.query + after)
    except Exception as error:
        raise StatementError.of_query(check.query, error, before) from error


def _missing(cursor: Cursor, needs: tuple[str, ...]) -> tuple[str, ...]:
    if not needs:
        return ()
    cursor.execute(MISSING, [",".join(needs)])
    return tuple(row[0] for row in cursor.fetchall())
