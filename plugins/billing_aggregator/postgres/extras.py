"""What a connection's extra may say to the driver, and what it may not: sessions are ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing_aggregator.config import ConfigError

if TYPE_CHECKING:
    from airflow.sdk import Connection

# libpq gives up a server that is gone, also while it waits for a long query's result.
CLIENT_SETTINGS = {
    "connect_timeout": "15",
    "keepalives": "1",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
# An empty value is sent to no server, and keeps libpq from sending PGOPTIONS of the process.
WITHOUT_OPTIONS = {"options": ""}
# What an extra may not say, since the session says it, and the way out.
REFUSED = {
    "options": "move them to sql_settings of the client's entry",
    "replication": "remove it: such a session runs no scripts",
}
# These would change what rows are or how a session behaves; they have no effect.
IGNORED = frozenset(
    {"cursor", "cursor_factory", "row_factory", "autocommit", "client_encoding", "application_name",
     "fallback_application_name", "connection_factory", "prepare_threshold", "context", "isolation_level", "async",
     "async_"}
)  # fmt: skip


def own_extras(connection: Connection) -> dict[str, Any]:
    """Return the extra to connect with: time-outs of ours unless it names its own, nothing that changes a session.

    :raises ConfigError: it has what would replace the session's settings.
    """
    extra = connection.extra_dejson
    for name, advice in REFUSED.items():
        if extra.get(name):
            raise ConfigError(
                f"connection {connection.conn_id}: extra {name!r} would replace the run's session settings; {advice}"
            )
    kept = {name: value for name, value in extra.items() if name not in IGNORED and name not in REFUSED}
    return CLIENT_SETTINGS | kept
