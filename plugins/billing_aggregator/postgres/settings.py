"""The settings of a session, set after connecting.

Nothing of it is sent as libpq's startup ``options``: poolers refuse them (PgBouncer: ``unsupported startup parameter``)
or drop them silently. Settings of the session override those of the server, the database, the role and the connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# The form of values and the meaning of statements must not depend on the role or the database.
MEANING = {
    "client_encoding": "UTF8",
    "timezone": "UTC",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
    "array_nulls": "on",
    "quote_all_identifiers": "off",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "lc_time": "C",
    # Postgres' own default. Scripts name schemas; with it, no role's path can put a schema before pg_catalog.
    "search_path": '"$user", public',
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    # Tables that scripts make are ordinary ones: freezing and reading by position rely on it.
    "default_table_access_method": "heap",
}
# A session waits this long for a lock at most. It may be idle in a transaction while S3 is slow, and a transaction may
# take as long as its statements.
TIME_OUTS = {
    "lock_timeout": "5min",
    "idle_in_transaction_session_timeout": "10min",
    "idle_session_timeout": "0",
    "transaction_timeout": "0",
}
# Set where the server, its platform and the role's rights allow it: nothing that is published depends on these.
# The server ends the session of a client that is gone, within 10 seconds: it checks every 2 seconds whether the socket
# is closed (a killed process), and probes a silent peer (a lost machine) after 3 seconds and twice more.
WHERE_POSSIBLE = {
    "client_connection_check_interval": "2s",
    "tcp_keepalives_idle": "3",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "2",
    # The same while rows are being sent to it. Exports allow themselves more while they stream.
    "tcp_user_timeout": "6s",
    # Messages in English, so that they can be searched for.
    "lc_messages": "C",
}
# Older servers have neither these settings nor what they end.
SINCE_A_VERSION = frozenset({"idle_session_timeout", "transaction_timeout"})
NAME_LENGTH = 63


def session_settings(
    *, application_name: str, statement_seconds: float, sql_settings: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return what a session sets beside :data:`WHERE_POSSIBLE`; the client's own settings come last.

    :param statement_seconds: the server cancels a statement that takes longer; 0 means none.
    """
    name = "".join(c if (c.isalnum() and c.isascii()) or c in "._-:/~" else "_" for c in application_name)
    return {
        **MEANING,
        **TIME_OUTS,
        "application_name": name[:NAME_LENGTH],
        "statement_timeout": f"{round(statement_seconds * 1000)}ms",
        **(sql_settings or {}),
    }
