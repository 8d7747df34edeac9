"""Runs one SQL script on a DB-API connection: whole, in one transaction, the same on psycopg 3 and psycopg2."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from billing_aggregator.errors.kinds import TerminalError
from billing_aggregator.sql.statements import split_statements

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing_aggregator.postgres.protocols import Connection, Cursor
    from billing_aggregator.sql.statements import Statement

SETTING_PREFIX = "bda."


@dataclass(frozen=True)
class ScriptResult:
    """What a script did.

    :param statements: number of statements.
    :param rows: rows written by INSERT, UPDATE, DELETE, MERGE, COPY, SELECT INTO and CREATE TABLE AS.
    :param seconds: from the first statement to the commit.
    """

    statements: int
    rows: int
    seconds: float


class TransactionGuard(Protocol):
    """Looks at a transaction before its first statement and before its commit, which it may refuse by an error."""

    def begin(self, cursor: Cursor) -> None:
        """See what is there before the first statement."""

    def end(self, cursor: Cursor) -> None:
        """See what the statements have done; raise a TerminalError to undo it."""


class StatementError(Exception):
    """A statement of a script failed; the driver's error is the cause.

    :param statement: the statement; None if it was none of the script's, e.g. the commit at a deferred constraint.
    :param before: characters that were sent before the statement's text.
    """

    def __init__(self, statement: Statement | None, error: Exception, before: int = 0) -> None:
        super().__init__(str(error))
        self.error = error
        self.statement = statement
        self.before = before

    @classmethod
    def of_query(cls, query: str, error: Exception, before: str) -> Self:
        """Return the failure of a query that was sent as part of another one, behind the text *before*."""
        statement = next(iter(split_statements(query)), None)
        return cls(statement, error, len(before) + (statement.start if statement else 0))


WRITING = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "COPY"})
# Their tags are those of a query; only a statement that returns no rows has written them.
WRITING_WITHOUT_RESULT = frozenset({"SELECT", "CREATE"})


def run_script(
    connection: Connection, text: str, settings: Mapping[str, str] | None = None, guard: TransactionGuard | None = None
) -> ScriptResult:
    """Run *text* and commit; a failure rolls back and leaves nothing half done.

    *settings* become transaction-local settings ``bda.<name>``, bound as values: the script reads them by
    ``current_setting('bda.<name>', true)``. Statements are sent one by one and without parameters, so ``%`` needs no
    escape.

    :param guard: sees the transaction begin and end.
    :raises StatementError: names the statement that failed.
    :raises TerminalError: the guard has refused what the script did.
    """
    started = time.monotonic()
    statement: Statement | None = None
    statements = split_statements(text)
    rows = 0
    with connection.cursor() as cursor:
        try:
            set_local(cursor, settings or {})
            if guard:
                guard.begin(cursor)
            for statement in statements:
                cursor.execute(statement.text)
                rows += _written(cursor)
            statement = None
            if guard:
                guard.end(cursor)
            connection.commit()
        except TerminalError:
            with suppress(Exception):
                connection.rollback()
            raise
        except Exception as error:
            # A lost connection cannot roll back; the server has done so already, and the first error says more.
            with suppress(Exception):
                connection.rollback()
            raise StatementError(statement, error) from error
        except BaseException:
            # A time-out or a kill: the query still runs. The caller closes the connection, which rolls back.
            with suppress(Exception):
                connection.cancel()
            raise
    return ScriptResult(len(statements), rows, time.monotonic() - started)


def set_local(cursor: Cursor, settings: Mapping[str, str]) -> None:
    """Set ``bda.<name>`` for the transaction that *cursor* is in."""
    for name, value in sorted(settings.items()):
        cursor.execute("select set_config(%s, %s, true)", [f"{SETTING_PREFIX}{name}", value])


def set_for_session(connection: Connection, settings: Mapping[str, str]) -> None:
    """Set ``bda.<name>`` for all transactions of *connection* from now on; commits."""
    with connection.cursor() as cursor:
        for name, value in sorted(settings.items()):
            cursor.execute("select set_config(%s, %s, false)", [f"{SETTING_PREFIX}{name}", value])
    connection.commit()


def _written(cursor: Cursor) -> int:
    command = (cursor.statusmessage or "").split(" ")[0]
    wrote = command in WRITING or (command in WRITING_WITHOUT_RESULT and cursor.description is None)
    return max(0, cursor.rowcount) if wrote else 0
