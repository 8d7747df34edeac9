"""Sessions have our settings, whatever database, role, process and client set; both drivers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.config import ClientConfig
from billing_aggregator.export.transaction import transaction
from billing_aggregator.operators.export_base import ExportBaseOperator
from billing_aggregator.postgres import SessionError
from tests.integration.sessions.settings import NAME, differences, give, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    from billing_aggregator.local.postgres import EmbeddedPostgres

# Settings that may exist for other users of the same database.
OTHER = {
    "timezone": "America/New_York",
    "client_encoding": "LATIN1",
    "datestyle": "German",
    "intervalstyle": "sql_standard",
    "bytea_output": "escape",
    "transform_null_equals": "on",
    "quote_all_identifiers": "on",
    "search_path": "elsewhere, pg_catalog",
    "default_transaction_isolation": "serializable",
    "default_transaction_read_only": "on",
    "default_transaction_deferrable": "on",
    "statement_timeout": "777s",
    "lock_timeout": "777s",
    "idle_in_transaction_session_timeout": "777s",
    "idle_session_timeout": "777s",
    "transaction_timeout": "777s",
    "client_connection_check_interval": "777s",
}


@pytest.mark.parametrize("owner", ["role", "database", "both", "process"])
def test_a_session_has_its_settings_whatever_others_have_set(
    admin: psycopg.Connection[Any],
    place: str,
    connect: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    owner: str,
) -> None:
    known = {name for (name,) in admin.execute("select lower(name) from pg_settings")}
    for name, value in OTHER.items():
        if name in known and owner != "process":
            text = value if name == "search_path" else f"'{value}'"
            for kind in ("role", "database") if owner == "both" else (owner,):
                admin.execute(f"alter {kind} {place} set {name} = {text}")
    if owner == "process":
        monkeypatch.setenv("PGOPTIONS", "-c lock_timeout=777s -c search_path=elsewhere")
        monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
        monkeypatch.setenv("PGTZ", "America/New_York")
        monkeypatch.setenv("PGDATESTYLE", "German")
    with connect() as connection:
        assert differences(connection) == {}


def test_time_outs_of_a_role_do_not_end_our_sessions(
    admin: psycopg.Connection[Any], place: str, connect: Callable[..., Any]
) -> None:
    known = {name for (name,) in admin.execute("select name from pg_settings")}
    time_outs = {name for name in OTHER if name.endswith("_timeout")} & known
    for name in time_outs:
        admin.execute(f"alter role {place} set {name} = '200ms'")
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("select 1")
        pid = connection.info.backend_pid
        query = "select now() - state_change > interval '500 ms' from pg_stat_activity where pid = %s"
        # Another session waits until this one was idle in its transaction for longer than the role allows.
        while (found := admin.execute(query, [pid]).fetchone()) == (False,):
            time.sleep(0.05)
        assert found == (True,), "the server ended the session"
        cursor.execute("select pg_sleep(0.3)")


def test_the_export_operators_set_their_sessions_too(
    admin: psycopg.Connection[Any],
    place: str,
    postgres: EmbeddedPostgres,
    monkeypatch: pytest.MonkeyPatch,
    driver: str,
) -> None:
    give(monkeypatch, place, postgres.port, {"cursor": "dictcursor"})
    admin.execute(f"alter role {place} set idle_in_transaction_session_timeout = '1s'")
    operator = ExportBaseOperator(task_id="a", postgres_conn_id=NAME, statement_timeout=50)
    with operator.database() as connection, connection.cursor() as cursor:
        cursor.execute("show idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("10min",)
        assert {name for name in differences(connection) if name not in {"application_name", "work_mem"}} == set()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_texts_and_names_are_the_same_in_any_database(
    admin: psycopg.Connection[Any], place: str, connect: Callable[..., Any], encoding: str
) -> None:
    admin.execute(f"drop database {place}")
    admin.execute(f"create database {place} owner {place} template template0 encoding '{encoding}' lc_collate 'C' lc_ctype 'C'")  # fmt: skip # noqa: E501
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("""create table t as select 'Müller'::text as "Betrag_ü" """)
        cursor.execute('select * from t where "Betrag_ü" = %s', ["Müller"])
        assert [column[0] for column in cursor.description] == ["Betrag_ü"]
        assert cursor.fetchall() == [("Müller",)]
        connection.commit()
        with transaction(connection, statement_timeout=5) as reading:
            reading.execute("select * from public.t")
            assert [column[0] for column in reading.description or ()] == ["Betrag_ü"]
            assert reading.fetchall() == [("Müller",)]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"nosuch_setting": "on"}, "nosuch_setting: this server has no such setting"),
        ({"work_mem": "much"}, "refused: .*work_mem"),
        ({"log_statement": "all"}, "refused: .*log_statement"),
        ({"shared_buffers": "1MB"}, "refused: .*shared_buffers"),
    ],
)
def test_settings_that_the_server_refuses_are_one_terminal_error(
    connect: Callable[..., Any], settings: dict[str, str], reason: str
) -> None:
    with pytest.raises(SessionError, match=f"settings.*{reason}"):
        connect(sql_settings=settings)


def test_the_clients_own_settings_arrive(connect: Callable[..., Any]) -> None:
    settings = {"lock_timeout": "7s", "lc_numeric": "C", "enercity.rule": "x", "jit": "off"}
    with connect(sql_settings=settings) as connection:
        found = settings_of(connection)
        assert (found["lock_timeout"], found["jit"]) == ("7s", "off")
        with connection.cursor() as cursor:
            cursor.execute("show enercity.rule")
            assert cursor.fetchone() == ("x",)


def test_a_client_cannot_change_settings_that_the_code_depends_on() -> None:
    for name in ("client_encoding", "standard_conforming_strings", "default_transaction_isolation", "search_path"):
        with pytest.raises(ValueError, match=f"{name} is set by the run itself"):
            ClientConfig(client="a", environment="dev", s3_bucket="bucket", sql_settings={name: "x"})
