"""A hot standby: its snapshots list no running transactions, and it takes no writes."""

from __future__ import annotations

import os
import time
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest

from billing_aggregator.export.errors import ExportSourceChangedError
from billing_aggregator.export.plan.planner import Export
from billing_aggregator.export.plan.staging import ReadOnlyServerError
from billing_aggregator.export.store.factory import open_store
from billing_aggregator.local.postgres import EmbeddedPostgres, free_port
from tests.exporting import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOOK = Export("book", table=("public", "book"))
WAIT_SECONDS = 60


class Pair:
    """A primary and its standby."""

    def __init__(self, primary: EmbeddedPostgres, standby: str) -> None:
        self.primary, self.standby = primary.dsn(), standby

    def write(self, *statements: str) -> None:
        """Run statements on the primary; return when the standby has them."""
        with psycopg.connect(self.primary, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)
        self.follow()

    def follow(self) -> None:
        """Wait until the standby is where the primary is now."""
        with (
            psycopg.connect(self.primary, autocommit=True) as primary,
            psycopg.connect(self.standby, autocommit=True) as standby,
        ):
            place = primary.execute("select pg_current_wal_insert_lsn()::text").fetchone()
            primary.execute("select pg_switch_wal()")
            end = time.monotonic() + WAIT_SECONDS
            while not standby.execute("select pg_last_wal_replay_lsn() >= %s::pg_lsn", place).fetchall()[0][0]:
                assert time.monotonic() < end, "the standby does not follow"
                time.sleep(0.02)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    wanted = os.environ.get("BDA_TEST_PG_VERSION")
    options = {"wal_level": "replica", "max_wal_senders": "4", "synchronous_commit": "on"}
    with EmbeddedPostgres(int(wanted) if wanted else None, options) as primary:
        with psycopg.connect(primary.dsn(), autocommit=True) as admin:
            ((folder,),) = admin.execute("show data_directory").fetchall()
        copy, port = f"{folder}_standby", free_port()
        primary._run("pg_basebackup", "-d", primary.dsn(), "-D", copy, "-R", "-X", "stream", "-c", "fast")
        flags = f"-h {primary.host} -p {port} -k '' -c hot_standby=on"
        primary._run("pg_ctl", "-D", copy, "-l", f"{copy}.log", "-w", "-t", "60", "-o", flags, "start")
        try:
            yield Pair(primary, primary.dsn().replace(f"port={primary.port}", f"port={port}"))
        finally:
            primary._run("pg_ctl", "-D", copy, "-m", "immediate", "-w", "stop")


@pytest.fixture
def standby(pair: Pair, tmp_path: Path) -> Lab:
    pair.write(
        "drop table if exists book, aside",
        "create table book as select g as id, g * 1.5 as amount from generate_series(1, 100) g",
        "create table aside (a int)",
    )
    target = (tmp_path / "out").as_uri()
    return Lab(pair.standby, "psycopg", open_store(target, lambda: None), target)


def test_a_table_is_exported_from_a_standby(pair: Pair, standby: Lab) -> None:
    with closing(psycopg.connect(pair.primary)) as older:
        older.execute("insert into aside values (1)")
        pair.write("update book set amount = 0 where id = 1")
        plan = standby.plan(standby.run(), BOOK)
        standby.publish([plan], standby.chunks(plan))
    assert standby.manifest().exports["book"].rows == 100


@pytest.mark.parametrize("savepoint", [False, True])
@pytest.mark.parametrize("before", [False, True])
def test_what_the_primary_writes_is_noticed(pair: Pair, standby: Lab, savepoint: bool, before: bool) -> None:
    update = "update book set amount = amount + 1 where id = 7"
    with closing(psycopg.connect(pair.primary)) as writer:
        writer.execute("insert into aside values (1)")
        if savepoint:
            writer.execute("savepoint s")
        writer.execute(update if before else "insert into aside values (2)")
        pair.write("insert into aside values (3)")
        plan = standby.plan(standby.run(), BOOK)
        states = standby.chunks(plan)
        if not before:
            writer.execute(update)
        writer.commit()
    pair.follow()
    with pytest.raises(ExportSourceChangedError, match="newer than the plan"):
        standby.publish([plan], states)


def test_what_has_to_be_frozen_is_refused_in_words(standby: Lab) -> None:
    with pytest.raises(ReadOnlyServerError, match="a standby does not allow: connect to the primary"):
        standby.plan(standby.run(), Export("q", query="select id from book where id > 3"))
