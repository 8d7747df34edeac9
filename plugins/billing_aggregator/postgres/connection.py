"""Connects to the warehouse: its secrets come from the Airflow connection, else from ``BDA_DB_*``."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from billing_aggregator.config import ConfigError, read_environment
from billing_aggregator.config.airflow_connections import DATABASE_TYPES, find_connection, malformed
from billing_aggregator.config.home import home_folder
from billing_aggregator.postgres.extras import own_extras
from billing_aggregator.postgres.settings import session_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Connection

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.postgres.hook import WarehouseHook

TLS_MODES = ("require", "verify-ca", "verify-full")


def postgres_hook(config: ClientConfig, *, application_name: str, statement_seconds: int) -> WarehouseHook:
    """Return a hook for the client's warehouse.

    :param application_name: shows which DAG, run and task a backend belongs to: see
        :func:`billing_aggregator.runs.session_names.session_name`.
    :param statement_seconds: the server cancels a statement that takes longer.
    :raises ConfigError: neither the connection nor BDA_DB_HOST is set, or the connection has no TLS.
    :raises UnreadableConnectionError: the connection cannot be read, or is malformed.
    """
    from billing_aggregator.postgres.hook import WarehouseHook

    settings = session_settings(
        application_name=application_name, statement_seconds=statement_seconds, sql_settings=config.sql_settings
    )
    connection = _database_connection(config)
    _require_tls(connection, config)
    connection.extra = json.dumps(own_extras(connection))
    return WarehouseHook(postgres_conn_id=config.database_conn_id, connection=connection, settings=settings)


def _database_connection(config: ClientConfig) -> Connection:
    from airflow.sdk import Connection
    from airflow.sdk.log import mask_secret

    found = find_connection(config.database_conn_id, *DATABASE_TYPES)
    if found is not None:
        _check_host(found)
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


def _check_host(connection: Connection) -> None:
    """Refuse a connection without a host: libpq would try a server on this machine."""
    host = connection.host or ""
    if not host.strip():
        raise malformed(connection.conn_id, "it has no host")
    if host != host.strip():
        raise malformed(connection.conn_id, "there are blanks around its host")


def _require_tls(connection: Connection, config: ClientConfig) -> None:
    """Require TLS in every environment but ``local``; verify the server where a root certificate is configured.

    A connection may set ``verify-ca`` when the server's certificate does not contain the host's name.
    """
    extra = connection.extra_dejson
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
    """Return whether there is a root certificate to verify the server, where libpq looks for one."""
    named = extra.get("sslrootcert") or os.environ.get("PGSSLROOTCERT")
    home = home_folder()
    return bool(named) or (home is not None and os.path.isfile(home / ".postgresql" / "root.crt"))
