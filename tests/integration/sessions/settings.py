"""The settings that sessions of a run have, the connection they come by, and how their settings are read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

NAME = "octopus_enercity_local"
OURS = {
    "timezone": "UTC",
    "client_encoding": "UTF8",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "transform_null_equals": "off",
    "quote_all_identifiers": "off",
    "standard_conforming_strings": "on",
    "search_path": '"$user", public',
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    "default_table_access_method": "heap",
    "statement_timeout": "50s",
    "lock_timeout": "5min",
    "idle_in_transaction_session_timeout": "10min",
    "idle_session_timeout": "0",
    "transaction_timeout": "0",
    "client_connection_check_interval": "2s",
    "application_name": "bda:a_b",
    "work_mem": "256MB",
}


def give(monkeypatch: pytest.MonkeyPatch, place: str, port: int, extra: dict[str, Any]) -> None:
    value = {"conn_type": "postgres", "host": "127.0.0.1", "port": port, "login": place, "schema": place}
    monkeypatch.setenv(f"AIRFLOW_CONN_{NAME.upper()}", json.dumps(value | {"extra": extra}))


def settings_of(connection: Any) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("select lower(name), current_setting(name) from pg_settings")
        return dict(cursor.fetchall())


def differences(connection: Any) -> dict[str, str]:
    found = settings_of(connection)
    return {name: found[name] for name, value in OURS.items() if name in found and found[name] != value}
