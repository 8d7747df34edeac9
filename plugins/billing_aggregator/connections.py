"""Where the secrets are: Airflow connections first, the ``BDA_*`` variables where there is no such connection.

Airflow looks a connection up in its secrets backend, its environment and its database, in this order. Laptops and
containers without any get the warehouse and S3 from ``BDA_DB_*`` and ``BDA_S3_*``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from billing_aggregator.config import ConfigError, read_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.amazon.aws.hooks.s3 import S3Hook
    from airflow.providers.postgres.hooks.postgres import PostgresHook
    from airflow.sdk import Connection

    from billing_aggregator.config import ClientConfig

# libpq gives up a server that is gone, also while it waits for a long query's result.
CLIENT_SETTINGS = {
    "connect_timeout": "15",
    "keepalives": "1",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
# The server ends the session of a client that is gone, within 10 seconds: it looks every 2 seconds whether the socket
# is closed (a killed process), and asks a silent peer (a lost machine) after 3 seconds and twice more.
SERVER_SETTINGS = {
    "client_connection_check_interval": "2s",
    "tcp_keepalives_idle": "3",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "2",
    # The same for rows that are on their way to it. Exports allow themselves more while they stream.
    "tcp_user_timeout": "6s",
    # A session of ours never waits inside a transaction for long, and never forever for somebody else's lock.
    "idle_in_transaction_session_timeout": "10min",
    "lock_timeout": "5min",
}
TLS_MODES = ("require", "verify-ca", "verify-full")


def postgres_hook(config: ClientConfig, *, application_name: str, statement_seconds: int) -> PostgresHook:
    """Return a hook for the client's warehouse.

    :param application_name: tells a DBA which DAG, run and task a backend belongs to: see
        :func:`billing_aggregator.session_name.session_name`.
    :param statement_seconds: the server cancels a statement that takes longer.
    :raises ConfigError: there is neither the connection nor BDA_DB_HOST, or the connection has no TLS.
    """
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    connection = _database_connection(config)
    _require_tls(connection, config)
    connection.extra = json.dumps(CLIENT_SETTINGS | connection.extra_dejson)
    options = session_options(config, application_name=application_name, statement_seconds=statement_seconds)
    return PostgresHook(postgres_conn_id=config.database_conn_id, connection=connection, options=options)


def session_options(config: ClientConfig, *, application_name: str, statement_seconds: int) -> str:
    """Return libpq ``options``: the client's SQL settings, UTC, time-outs that belong to the task's time-out."""
    settings = {
        "TimeZone": "UTC",
        "application_name": "".join(c if c.isalnum() or c in "._-:/~" else "_" for c in application_name)[:63],
        "statement_timeout": f"{statement_seconds}s",
        **SERVER_SETTINGS,
        **config.sql_settings,
    }
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


def s3_hook(config: ClientConfig) -> S3Hook:
    """Return the hook of the client's bucket, see :func:`billing_aggregator.s3.client.client_hook`."""
    from billing_aggregator.s3.client import client_hook

    return client_hook(config)


def _database_connection(config: ClientConfig) -> Connection:
    from airflow.sdk import Connection
    from airflow.sdk.log import mask_secret

    found = find_connection(config.database_conn_id)
    if found is not None:
        return found
    settings = read_environment(os.environ)
    if settings.db_host is None:
        raise ConfigError(
            f"no database for {config.client}/{config.environment}: create the Airflow connection "
            f"{config.database_conn_id} (type postgres) or set BDA_DB_HOST"
        )
    password = settings.db_password.get_secret_value() if settings.db_password else None
    if password:
        mask_secret(password)
    return Connection(
        conn_id=config.database_conn_id,
        conn_type="postgres",
        host=settings.db_host,
        port=settings.db_port,
        schema=settings.db_name,
        login=settings.db_user,
        password=password,
    )


def find_connection(conn_id: str) -> Connection | None:
    """Return an Airflow connection from whichever secrets backend has it; None when none has."""
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        found: Connection = Connection.get(conn_id)
    except AirflowNotFoundException:
        return None
    return found


def _require_tls(connection: Connection, config: ClientConfig) -> None:
    """Encrypt every connection to a warehouse that is not local; verify the server where a root is configured.

    A connection may say ``verify-ca`` when the server's certificate does not have its host's name.
    """
    extra = connection.extra_dejson
    if "options" in extra:
        raise ConfigError(
            f"connection {config.database_conn_id}: extra 'options' would replace the run's session settings; "
            "move them to sql_settings of the client's entry"
        )
    if config.environment == "local":
        return
    mode = extra.get("sslmode", "require")
    if mode == "require" and _root_certificate(extra):
        mode = "verify-full"
    if mode not in TLS_MODES:
        raise ConfigError(
            f"connection {config.database_conn_id}: sslmode = {mode!r}, but {config.environment} needs TLS: "
            f"one of {', '.join(TLS_MODES)}"
        )
    connection.extra = json.dumps(extra | {"sslmode": mode})


def _root_certificate(extra: Mapping[str, Any]) -> bool:
    """Tell whether there is a root certificate to verify the server with, in the places where libpq looks."""
    named = extra.get("sslrootcert") or os.environ.get("PGSSLROOTCERT")
    return bool(named) or (Path.home() / ".postgresql" / "root.crt").is_file()
