"""Sessions have our settings, whatever database, role, the connection's extra and a pooler set; both drivers."""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from airflow.providers.postgres.hooks import postgres as provider

from billing_aggregator.config import ClientConfig, ConfigError, load_client
from billing_aggregator.errors.kinds import classify
from billing_aggregator.export.transaction import transaction
from billing_aggregator.operators.export_base import ExportBaseOperator
from billing_aggregator.postgres import SessionError
from billing_aggregator.postgres.connection import postgres_hook
from billing_aggregator.runs.preflight import UnreachableError, UnusableError, check_warehouse
from tests.pooler import Pooler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing_aggregator.local.postgres import EmbeddedPostgres

NAME = "octopus_enercity_local"
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


@pytest.fixture(params=["psycopg", "psycopg2"])
def driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(provider, "USE_PSYCOPG3", request.param == "psycopg")
    return str(request.param)


@pytest.fixture
def admin(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        yield connection


@pytest.fixture
def place(admin: psycopg.Connection[Any], postgres: EmbeddedPostgres) -> Iterator[str]:
    """An empty database, and a role of the same name that owns it."""
    name = f"sessions_{time.time_ns()}"
    admin.execute(f"create role {name} login")
    admin.execute(f"create database {name} owner {name} template template0")
    yield name
    admin.execute(f"drop database {name} with (force)")
    admin.execute(f"drop role {name}")


@pytest.fixture
def connect(place: str, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch, driver: str) -> Callable[..., Any]:
    """Return a function that opens a session of a run, with an extra and through a port if wanted."""

    def opened(extra: dict[str, Any] | None = None, port: int = 0, **values: Any) -> Any:
        give(monkeypatch, place, port or postgres.port, extra or {})
        config = load_client("enercity", "local").model_copy(update=values)
        connection = postgres_hook(config, application_name="bda:a b", statement_seconds=50).get_conn()
        assert hasattr(connection, "pgconn") == (driver == "psycopg")
        return closing(connection)

    return opened


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


@pytest.mark.parametrize(
    "extra",
    [
        {"cursor": "dictcursor"},
        {"cursor": "realdictcursor"},
        {"cursor": "namedtuplecursor"},
        {"cursor": "nosuchcursor"},
        {"autocommit": True},
        {"client_encoding": "LATIN1"},
        {"application_name": "mine"},
        {"row_factory": "dict_row", "cursor_factory": "x", "prepare_threshold": 0},
    ],
    ids=str,
)
def test_an_extra_changes_neither_rows_nor_transactions(connect: Callable[..., Any], extra: dict[str, Any]) -> None:
    with connect(extra) as connection:
        assert differences(connection) == {}
        connection.rollback()
        assert connection.autocommit is False
        with connection.cursor() as cursor:
            cursor.execute("select 1 as a, 'ü' as b")
            row = cursor.fetchone()
        assert type(row) is tuple
        assert row == (1, "ü")


@pytest.mark.parametrize("name", ["options", "replication"])
def test_an_extra_that_would_replace_the_session_is_refused_by_name(connect: Callable[..., Any], name: str) -> None:
    with pytest.raises(ConfigError, match=f"^connection {NAME}: extra '{name}' would replace"):
        connect({name: "-c jit=on"})


def test_an_extra_that_libpq_does_not_know_is_refused_by_name(connect: Callable[..., Any]) -> None:
    with pytest.raises(Exception, match=f'^connection {NAME} cannot be read: .*does not know: "sslmod"') as caught:
        connect({"sslmod": "require"})
    assert classify(caught.value) == "terminal"


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


@pytest.mark.parametrize("mode", ["refuses options", "drops options"])
def test_poolers_that_refuse_options_work(
    postgres: EmbeddedPostgres, connect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, mode: Any
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c lock_timeout=777s")
    with Pooler(postgres.port, mode) as pooler, connect(port=pooler.port) as connection:
        assert differences(connection) == {}
        assert pooler.starts[0]["application_name"] == "bda:a_b"


def test_a_pooler_that_changes_sessions_between_transactions_is_refused(
    postgres: EmbeddedPostgres, connect: Callable[..., Any]
) -> None:
    with (
        Pooler(postgres.port, "alternates") as pooler,
        pytest.raises(SessionError, match=r"do not last .*a pooler in transaction mode"),
    ):
        connect(port=pooler.port)


def test_a_pooler_that_shares_one_session_is_refused_before_a_run(
    postgres: EmbeddedPostgres, place: str, monkeypatch: pytest.MonkeyPatch, driver: str
) -> None:
    with Pooler(postgres.port, "pools transactions") as pooler:
        give(monkeypatch, place, pooler.port, {})
        with pytest.raises(UnreachableError, match="a pooler in transaction mode lies between") as caught:
            check_warehouse(load_client("enercity", "local"))
    assert isinstance(caught.value, UnusableError)
    assert "pool in session mode" in str(caught.value)


@pytest.mark.parametrize(
    ("says", "lasting"),
    [
        ("unsupported startup parameter: geqo", True),
        ("no such database: octopus", True),
        ("no such user: billing", True),
        ("bouncer config error", True),
        ("SSL required", True),
        ("Passwort-Authentifizierung für Benutzer »billing« fehlgeschlagen", True),
        ("Datenbank »octopus« existiert nicht", True),
        ("kein pg_hba.conf-Eintrag für Host »10.0.0.1«", True),
        ("no more connections allowed (max_client_conn)", False),
        ("query_wait_timeout", False),
        ("server login has been failing, try again later (server_login_retry)", False),
        ("pgbouncer cannot connect to server", False),
        ("sorry, too many clients already", False),
    ],
)
def test_errors_of_poolers_are_classified(
    postgres: EmbeddedPostgres, place: str, monkeypatch: pytest.MonkeyPatch, driver: str, says: str, lasting: bool
) -> None:
    with Pooler(postgres.port, says=says) as pooler:
        give(monkeypatch, place, pooler.port, {})
        with pytest.raises(UnreachableError, match=f"see the connection {NAME}") as caught:
            check_warehouse(load_client("enercity", "local"))
    assert isinstance(caught.value, UnusableError) is lasting
    assert says in str(caught.value)


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
