"""The same bytes in the same order, whatever database, role and connection say; time-outs are the export's own."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import psycopg2
import psycopg2.extras
import pytest
from psycopg.rows import dict_row

from billing_aggregator.errors.kinds import sqlstate
from billing_aggregator.export.errors import TerminalExportError
from billing_aggregator.export.plan.planner import Export
from billing_aggregator.export.transaction import transaction
from billing_aggregator.export.transaction_settings import check_arrived

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from tests.exporting import Lab

ROLE = "odd_role"
ODD = {
    "enable_seqscan": "off", "enable_tidscan": "off", "random_page_cost": "0.01", "seq_page_cost": "1000",
    "enable_indexonlyscan": "on", "synchronize_seqscans": "on", "jit_above_cost": "0",
    "max_parallel_workers_per_gather": "4", "parallel_setup_cost": "0", "parallel_tuple_cost": "0",
    "min_parallel_table_scan_size": "0", "cpu_tuple_cost": "100",
    "datestyle": "'SQL, DMY'", "intervalstyle": "iso_8601", "timezone": "'Asia/Tokyo'", "extra_float_digits": "-15",
    "bytea_output": "escape", "xmlbinary": "hex", "quote_all_identifiers": "on", "array_nulls": "off",
    "standard_conforming_strings": "off", "search_path": "odd", "client_encoding": "latin1", "row_security": "off",
    "default_transaction_read_only": "on", "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on", "default_table_access_method": "other_heap", "lock_timeout": "'1ms'",
    "idle_in_transaction_session_timeout": "'1s'", "transform_null_equals": "on",
}  # fmt: skip
EXPORTS = [
    Export("table", table=("odd", "ordered")),
    Export("column", query="select id from odd.ordered"),
    Export("frozen", query=r"select id, '\x' || id as slash, '01/02/2026'::date as day from odd.ordered where f > 0"),
]


@pytest.fixture
def odd(new_lab: Callable[..., Lab]) -> Lab:
    """A table whose rows lie in another order than its index, and a role that sets whatever can be set."""
    lab = new_lab(kind="file")
    lab.sql(
        "drop schema if exists odd cascade",
        "create schema odd",
        "create schema if not exists report_oibl",
        "create table odd.ordered "
        "(id int primary key, f float8, d timestamptz, i interval, b bytea, t text, wide text)",
        "insert into odd.ordered select g, g / 3.0, timestamptz '2026-02-01 12:00Z' + g * interval '1 day', "
        "make_interval(days => g), decode('00ff', 'hex'), 'ü€', repeat('x', 500) from generate_series(2000, 1, -1) g",
        "vacuum analyze odd.ordered",
        "do $$ begin if not exists (select from pg_am where amname = 'other_heap') then "
        "create access method other_heap type table handler heap_tableam_handler; end if; end $$",
        f"do $$ begin if not exists (select from pg_roles where rolname = '{ROLE}') then create role {ROLE} login; "
        "end if; end $$",
        f"grant all on schema odd, report_oibl to {ROLE}",
        f"grant select on odd.ordered to {ROLE}",
        f"alter role {ROLE} reset all",
    )
    return lab


@contextmanager
def as_odd_role(lab: Lab) -> Iterator[None]:
    lab.sql(*(f"alter role {ROLE} set {name} = {value}" for name, value in ODD.items()))
    if lab.value("select current_setting('server_version_num')::int") >= 170000:
        lab.sql(f"alter role {ROLE} set transaction_timeout = '1s'")
    usual = lab.dsn
    lab.dsn = usual.replace("user=postgres", f"user={ROLE}")
    yield
    lab.dsn = usual


def published(lab: Lab, rows_per_file: int) -> dict[str, tuple[list[str], bytes]]:
    """Return columns and bytes of each export."""
    lab.whole_run(EXPORTS, options=lab.options.model_validate({"max_rows_per_file": rows_per_file}))
    exports = lab.manifest().exports
    return {
        name: (exports[name].columns, b"".join(text.partition(b"\n")[2] for text in lab.csv(name))) for name in exports
    }


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_what_a_role_sets_does_not_show(odd: Lab, driver: str) -> None:
    usual = published(odd, 1_000_000)
    assert usual["column"][1].split()[:3] == [b"2000", b"1999", b"1998"]
    odd.driver = driver
    with as_odd_role(odd):
        assert published(odd, 1_000_000) == usual
        assert published(odd, 150) == usual


def test_a_slow_store_ends_no_session(odd: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The role's time-outs are shorter than an upload, which ends before the transaction does."""
    with as_odd_role(odd), closing(psycopg.connect(odd.dsn.replace(f"user={ROLE}", "user=postgres"))) as watcher:
        write = type(odd.store).write_part

        def slow(*args: Any) -> Any:
            watcher.execute("select pg_sleep(1.2)")  # longer than the role allows
            return write(*args)

        monkeypatch.setattr(type(odd.store), "write_part", slow)
        odd.whole_run([EXPORTS[0]])
    assert odd.manifest().exports["table"].rows == 2000


def connections(dsn: str) -> dict[str, Callable[[], Any]]:
    def psycopg2_autocommit() -> Any:
        connection = psycopg2.connect(dsn, cursor_factory=psycopg2.extras.RealDictCursor)
        connection.autocommit = True
        return connection

    return {
        "psycopg, dictionaries": lambda: psycopg.connect(dsn, row_factory=dict_row),
        "psycopg, client cursors": lambda: psycopg.connect(dsn, autocommit=True, cursor_factory=psycopg.ClientCursor),
        "psycopg, raw cursors": lambda: psycopg.connect(dsn, cursor_factory=psycopg.RawCursor),
        "psycopg2, DictCursor": lambda: psycopg2.connect(dsn, cursor_factory=psycopg2.extras.DictCursor),
        "psycopg2, RealDictCursor, autocommit": psycopg2_autocommit,
    }


@pytest.mark.parametrize("maker", list(connections("")))
def test_connections_of_others(odd: Lab, maker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = published(odd, 700)
    monkeypatch.setattr(type(odd), "connect", lambda lab: connections(lab.dsn)[maker]())
    assert published(odd, 700) == usual


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_a_connection_gets_back_what_it_had(odd: Lab, driver: str) -> None:
    odd.driver = driver
    with closing(odd.connect()) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("set client_encoding = 'latin1'; set datestyle = 'German'")
        with transaction(connection, statement_timeout=1) as cursor:
            cursor.execute("show datestyle")
            assert cursor.fetchone() == ("ISO, MDY",)
        assert connection.autocommit
        with connection.cursor() as cursor:
            cursor.execute("select current_setting('client_encoding'), current_setting('datestyle')")
            assert cursor.fetchone() == ("LATIN1", "German, DMY")


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_of_another_encoding(
    encoding: str, new_lab: Callable[..., Lab], postgres: EmbeddedPostgres, export_dsn: str
) -> None:
    name = f"in_{encoding.lower()}"
    with psycopg.connect(export_dsn, autocommit=True) as admin:
        admin.execute(f"create database {name} template template0 encoding '{encoding}' lc_collate 'C' lc_ctype 'C'")
    lab = new_lab(kind="file")
    lab.dsn = postgres.dsn(name)
    with psycopg.connect(lab.dsn, client_encoding="UTF8", autocommit=True) as owner:
        owner.execute('create table umlaut (id int, "Betrag_ü" numeric, "t" text)')
        owner.execute("insert into umlaut values (1, 2.5, 'Grüße')")
        owner.execute("create schema report_oibl")
    exports = [
        Export("table", table=("public", "umlaut")),
        Export("query", query='select "Betrag_ü" as "größer", id from public.umlaut'),
        Export("frozen", query='select "Betrag_ü" * 2 as "Betrag_ü", id from public.umlaut'),
    ]
    seen = []
    for driver in ("psycopg", "psycopg2"):
        lab.driver = driver
        lab.whole_run(exports)
        manifest = lab.manifest().exports
        seen.append([(manifest[e.name].columns, manifest[e.name].control_totals, lab.csv(e.name)) for e in exports])
    assert seen[0] == seen[1]
    assert seen[0][0][:2] == (["id", "Betrag_ü", "t"], {"id": "1", "Betrag_ü": "2.5"})
    assert seen[0][0][2] == ["id,Betrag_ü,t\n1,2.5,Grüße\n".encode()]
    assert [columns for columns, _, _ in seen[0][1:]] == [["größer", "id"], ["Betrag_ü", "id"]]


def test_bytes_that_are_no_text(new_lab: Callable[..., Lab], postgres: EmbeddedPostgres, export_dsn: str) -> None:
    """A SQL_ASCII database holds any bytes; what is not UTF-8 is refused and never published."""
    with psycopg.connect(export_dsn, autocommit=True) as admin:
        admin.execute("create database any_bytes template template0 encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'")
    lab = new_lab(kind="file")
    lab.dsn = postgres.dsn("any_bytes")
    lab.sql("create table raw (t text)", r"insert into raw values (convert_from('\xfc', 'SQL_ASCII'))")
    plan = lab.plan(lab.run(), Export("raw", table=("public", "raw")))
    for driver in ("psycopg", "psycopg2"):
        lab.driver = driver
        with pytest.raises(Exception, match="invalid byte sequence") as error:
            lab.chunks(plan)
        assert sqlstate(error.value) == "22021"


def test_settings_that_do_not_arrive(odd: Lab) -> None:
    """What a pooler does that gives each statement another session."""
    with (
        closing(psycopg.connect(odd.dsn)) as connection,
        connection.cursor() as cursor,
        pytest.raises(TerminalExportError, match=r"datestyle is 'SQL, DMY' and not 'ISO, MDY'; a pooler"),
    ):
        check_arrived(cursor, {"datestyle": "ISO, MDY"})
