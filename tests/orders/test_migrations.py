"""Each migration is applied once; what does not fit together is refused by name."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

import psycopg
import pytest

from billing_aggregator.cli.main import main
from billing_aggregator.config.text_files import SourceFileError
from billing_aggregator.errors.kinds import classify
from billing_aggregator.local.warehouse import ROLE, create_octopus
from billing_aggregator.migrations import (
    MigrationFailedError,
    MigrationRefusedError,
    apply_migrations,
    find_migrations,
    schema_problems,
)
from tests.conftest import SQL_ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from billing_aggregator.postgres.protocols import Connection

RECORDS = "select script, sha256, applied_by, statements from report_oibl.aggregator_migrations order by applied_at"


@pytest.fixture
def database(postgres: EmbeddedPostgres, request: pytest.FixtureRequest) -> str:
    """An empty database."""
    name = f"migrations_{abs(hash(request.node.name))}"
    create_octopus(postgres, name)
    with psycopg.connect(postgres.dsn(name)) as admin:
        admin.execute("grant create on schema public to billing_aggregator")
    return name


@pytest.fixture
def connection(postgres: EmbeddedPostgres, database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres.dsn(database, ROLE)) as session:
        yield session


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with two schemas, one of which needs the other."""
    write(tmp_path, "shop/010_tables.sql", "-- Needs: base.\ncreate table orders (id int);")
    write(tmp_path, "base/010_tables.sql", "create table accounts (id int);")
    write(tmp_path, "base/020_more.sql", "alter table accounts add name text; comment on table accounts is 'x';")
    return tmp_path


def write(root: Path, name: str, text: str) -> Path:
    """Write a file of durable tables."""
    path = root / "schema" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def applied(connection: psycopg.Connection[Any], root: Path) -> list[str]:
    """Apply and return the names."""
    return [each.script for each in apply_migrations(connection, find_migrations(root, ["shop", "other"]))]


def test_each_is_applied_once_in_order_and_recorded(connection: psycopg.Connection[Any], root: Path) -> None:
    names = ["schema/base/010_tables.sql", "schema/base/020_more.sql", "schema/shop/010_tables.sql"]
    assert applied(connection, root) == names
    assert applied(connection, root) == []
    rows = connection.execute(RECORDS).fetchall()
    assert [(row[0], row[2], row[3]) for row in rows] == list(zip(names, [ROLE] * 3, [1, 2, 1], strict=True))
    assert all(len(row[1]) == 64 for row in rows)
    write(root, "base/030_index.sql", "create index on accounts (id);")
    assert applied(connection, root) == ["schema/base/030_index.sql"]


def test_systems_without_durable_tables_cost_nothing(root: Path) -> None:
    assert find_migrations(root, ["other"]) == ()
    assert apply_migrations(cast("Connection", None), ()) == [], "no connection is needed"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("changed", ["schema/base/010_tables.sql: was changed since", "next number"]),
        ("missing", ["schema/base/010_tables.sql: was applied", "is missing now"]),
        ("late", ["schema/base/015_late.sql: is new and comes before schema/base/020_more.sql", "next number"]),
    ],
)
def test_what_does_not_fit_is_refused(
    connection: psycopg.Connection[Any], root: Path, change: str, words: list[str]
) -> None:
    applied(connection, root)
    if change == "changed":
        write(root, "base/010_tables.sql", "create table accounts (id bigint);")
    elif change == "missing":
        (root / "schema/base/010_tables.sql").unlink()
    else:
        write(root, "base/015_late.sql", "create table late (id int);")
    write(root, "shop/020_more.sql", "create table more (id int);")
    with pytest.raises(MigrationRefusedError) as error:
        applied(connection, root)
    assert all(word in str(error.value) for word in words), str(error.value)
    assert classify(error.value) == "terminal"
    assert connection.execute("select to_regclass('more')").fetchone() == (None,)


def test_a_failed_one_leaves_nothing_and_is_tried_again(connection: psycopg.Connection[Any], root: Path) -> None:
    write(root, "base/020_more.sql", "create table half (id int);\nselect 1 / 0;")
    with pytest.raises(MigrationFailedError, match=r"schema/base/020_more.sql, line 2: division by zero") as error:
        applied(connection, root)
    assert classify(error.value) == "terminal"
    assert connection.execute("select to_regclass('half'), to_regclass('accounts')::text").fetchone() == (
        None, "accounts",
    )  # fmt: skip
    connection.rollback()
    write(root, "base/020_more.sql", "create table half (id int);")
    assert applied(connection, root) == ["schema/base/020_more.sql", "schema/shop/010_tables.sql"]


def test_several_at_once_apply_each_once(postgres: EmbeddedPostgres, database: str, root: Path) -> None:
    write(root, "base/015_slow.sql", "select pg_sleep(0.3);")

    def work(_: int) -> list[str]:
        with psycopg.connect(postgres.dsn(database, ROLE)) as session:
            return applied(session, root)

    with ThreadPoolExecutor(4) as pool:
        done = [name for names in pool.map(work, range(4)) for name in names]
    assert sorted(done) == sorted(set(done))
    assert len(done) == 4


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("base/tables.sql", "select 1;", "a script's name is NNN_what_it_makes.sql"),
        ("base/010_other.sql", "select 1;", "has the number of 010_other.sql"),
        ("base/030_empty.sql", "-- nothing", "holds no statement"),
        ("base/enercity/030_own.sql", "select 1;", "migrations are the same for all clients"),
        ("base/030_extra.sql", "-- Needs: bases.\nselect 1;", "'-- Needs: bases' is not a folder of schema"),
        ("base/030_circle.sql", "-- Needs: shop.\nselect 1;", "base needs shop needs base"),
        ("base/030_commit.sql", "select 1; commit;", "line 1: commit"),
    ],
)
def test_a_wrong_file_is_told_without_a_database(root: Path, name: str, text: str, words: str) -> None:
    assert list(schema_problems(root)) == []
    write(root, name, text)
    assert words.lower() in "\n".join(schema_problems(root)).lower()
    if "commit" not in name:
        with pytest.raises(SourceFileError):
            find_migrations(root, ["base"])


def test_the_projects_own_files_are_right() -> None:
    assert list(schema_problems(SQL_ROOT)) == []
    folders = [migration.folder for migration in find_migrations(SQL_ROOT, ["orders"])]
    assert list(dict.fromkeys(folders)) == ["ledger", "orders"]


def test_command(
    postgres: EmbeddedPostgres, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"HOST": "127.0.0.1", "PORT": str(postgres.port), "NAME": database, "USER": ROLE}.items():
        monkeypatch.setenv(f"BDA_DB_{name}", value)
    call = ["migrate", "--client", "webshop", "--environment", "local"]
    assert main([*call, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "-- schema/ledger/010_tables.sql: would be applied" in shown
    assert "create table ledger.account (" in shown
    assert main([*call, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["applied"][0] == "schema/ledger/010_tables.sql"
    assert answer["files"] == len(answer["applied"])
    assert main(call) == 0
    assert "0 applied" in capsys.readouterr().out
    with psycopg.connect(postgres.dsn(database, ROLE)) as session:
        session.execute("update report_oibl.aggregator_migrations set sha256 = 'other'")
    assert main(call) == 1
    assert "was changed since it was applied" in capsys.readouterr().out
    assert main(["migrate", "--client", "enercity", "--environment", "local"]) == 0
    assert "no durable tables" in capsys.readouterr().out
