"""Runs one SQL script on a DB-API connection: whole, in one transaction, the same on psycopg 3 and psycopg2."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTING_PREFIX = "bda."


@dataclass(frozen=True)
class ScriptResult:
    """What a script did.

    :param statements: number of statements (psycopg 3; psycopg2 tells the last one only).
    :param rows: rows written by INSERT, UPDATE, DELETE, MERGE, COPY, SELECT INTO and CREATE TABLE AS.
    :param seconds: from the first statement to the commit.
    """

    statements: int
    rows: int
    seconds: float


WRITING = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "SELECT", "CREATE"})


def run_script(connection: Any, text: str, settings: Mapping[str, str] | None = None) -> ScriptResult:
    """Run *text* and commit; a failure rolls back and leaves nothing half done.

    *settings* become transaction-local settings ``bda.<name>``, bound as values: the script reads them by
    ``current_setting('bda.<name>', true)``. The text itself is sent without parameters, so ``%`` needs no escape and
    semicolons in dollar quotes are safe. Errors of the driver pass through.
    """
    started = time.monotonic()
    with connection.cursor() as cursor:
        try:
            set_local(cursor, settings or {})
            cursor.execute(text)
            statements, rows = _outcome(connection, cursor)
            connection.commit()
        except Exception:
            # A lost connection cannot roll back; the server has done so already, and the first error says more.
            with suppress(Exception):
                connection.rollback()
            raise
        except BaseException:
            # A time-out or a kill: the query still runs. The caller closes the connection, which rolls back.
            with suppress(Exception):
                connection.cancel()
            raise
    return ScriptResult(statements, rows, time.monotonic() - started)


def set_local(cursor: Any, settings: Mapping[str, str]) -> None:
    """Set ``bda.<name>`` for the transaction that *cursor* is in."""
    for name, value in sorted(settings.items()):
        cursor.execute("select set_config(%s, %s, true)", [f"{SETTING_PREFIX}{name}", value])


def _outcome(connection: Any, cursor: Any) -> tuple[int, int]:
    statements = rows = 0
    while True:
        statements += 1
        command = (cursor.statusmessage or "").split(" ")[0]
        if command in WRITING and cursor.rowcount > 0:
            rows += cursor.rowcount
        # psycopg2 keeps the last result only and refuses nextset().
        if not hasattr(connection, "pgconn") or not cursor.nextset():
            return statements, rows
