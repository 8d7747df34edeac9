"""Which keys of a connection's extra reach the driver: none that changes the session, which the run sets itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing_aggregator.config import ConfigError

if TYPE_CHECKING:
    from airflow.sdk import Connection

# With these, libpq notices a server that is gone, also while it waits for a long query.
CLIENT_SETTINGS = {
    "connect_timeout": "15",
    "keepalives": "1",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
# An empty value is not sent, and keeps libpq from sending the PGOPTIONS of the process.
WITHOUT_OPTIONS = {"options": ""}
# Refused, because the session sets it; with the way out.
REFUSED = {
    "options": "move them to sql_settings of the client's entry",
    "replication": "remove it: such a session runs no scripts",
}
# Dropped: these would change the form of rows or the behaviour of the session.
IGNORED = frozenset(
    {"cursor", "cursor_factory", "row_factory", "autocommit", "client_encoding", "application_name",
     "fallback_application_name", "connection_factory", "prepare_threshold", "context", "isolation_level", "async",
     "async_"}
)  # fmt: skip


def own_extras(connection: Connection) -> dict[str, Any]:
    """Return the extra to connect with: with default time-outs, without keys that change the session.

    :raises ConfigError: it has a key that would replace the session's settings.
    """
    extra = connection.extra_dejson
    for name, advice in REFUSED.items():
        if extra.get(name):
            raise ConfigError(
                f"connection {connection.conn_id}: extra {name!r} would replace the run's session settings; {advice}"
            )
    kept = {name: value for name, value in extra.items() if name not in IGNORED and name not in REFUSED}
    return CLIENT_SETTINGS | kept
