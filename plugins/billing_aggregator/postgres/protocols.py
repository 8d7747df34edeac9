"""What the package uses of a database connection: what psycopg 3 and psycopg2 have in common.

Rows are tuples whose element types only the query knows, hence ``Any``. What one driver alone has (COPY, notices,
encodings) is behind :mod:`billing_aggregator.postgres.drivers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

#: Values of a statement: by position (``%s``) or by name (``%(name)s``).
Values: TypeAlias = "Sequence[Any] | Mapping[str, Any]"


class ConnectionInfo(Protocol):
    """What libpq knows of a connection."""

    @property
    def server_version(self) -> int:
        """The server's version as libpq reports it, e.g. 150004."""

    @property
    def backend_pid(self) -> int:
        """The server's process number, as libpq got it when it connected."""


class Cursor(Protocol):
    """Runs statements one after the other in its connection's transaction."""

    @property
    def rowcount(self) -> int:
        """Rows of the last statement, -1 when it has none."""

    @property
    def statusmessage(self) -> str | None:
        """Command tag of the last statement, e.g. ``INSERT 0 5``."""

    @property
    def description(self) -> Sequence[Any] | None:
        """A sequence for each column of the result, its name first; None when the last statement returns no rows."""

    def execute(self, query: str, params: Values | None = None, /) -> object:
        """Run *query*. With *params*, ``%`` has to be written ``%%``; without, the text goes as it is."""

    def fetchone(self) -> Any:
        """Return the next row, or None."""

    def fetchall(self) -> list[Any]:
        """Return all rows that are left."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...


class Session(Protocol):
    """What a task that is told to stop has to end: one connection, or several that work together."""

    @property
    def closed(self) -> int:
        """0 while it is open."""

    def cancel(self) -> None:
        """Ask the server to end what runs; safe from another thread or a signal handler."""

    def close(self) -> None:
        """End it; the server rolls back what is not committed."""


class Connection(Protocol):
    """A session with the server. Not for two threads at once, apart from :meth:`cancel`."""

    autocommit: bool

    @property
    def closed(self) -> int:
        """0 while it is open."""

    @property
    def info(self) -> ConnectionInfo:
        """What libpq knows of it."""

    def cursor(self) -> Cursor:
        """Return a new cursor; the first statement begins a transaction."""

    def commit(self) -> None:
        """End the transaction and keep its work."""

    def rollback(self) -> None:
        """End the transaction and undo its work."""

    def cancel(self) -> None:
        """Ask the server to end the statement that runs; safe from another thread or a signal handler."""

    def close(self) -> None:
        """End the session; the server rolls back what is not committed."""
