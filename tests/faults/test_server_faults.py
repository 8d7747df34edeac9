"""The server restarts, fails over, is cut off, is full or has no connection left: the same files in the end."""

from __future__ import annotations

import os
import random
from contextlib import closing, suppress
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from billing_aggregator.errors.kinds import classify
from billing_aggregator.export.copy import chunk
from billing_aggregator.export.copy.progress import CopyProgress
from billing_aggregator.export.errors import ConnectionLostError, ExportSourceChangedError
from billing_aggregator.export.plan.planner import Export
from billing_aggregator.export.store.factory import open_store
from billing_aggregator.local.postgres import EmbeddedPostgres, free_port
from tests.exporting import Lab
from tests.faults.figures import counted
from tests.faults.proxy import CuttingProxy
from tests.faults.server_pair import Pair, wait_for_standby
from tests.faults.test_database_faults import in_the_middle
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

BIG = Export("big", table=("public", "big"))
FROZEN = Export("big", query="select id, t from big where id > 0 order by id", staging_schema="public")
FILL = "create table big as select g as id, repeat(md5(g::text), 300) as t from generate_series(1, 2000) g"
OPTIONS = {"wal_level": "replica", "max_wal_senders": "4", "synchronous_commit": "on", "fsync": "off"}
ENDS = "select pg_terminate_backend(pid) from pg_stat_activity where query like 'copy (select%'"
#: What the end of a session raises.
TRANSIENT = (psycopg.OperationalError, ConnectionLostError)
STAGED = """
select count(*) from pg_class
where relname like 'aggregator_export_%' and relnamespace in ('public'::regnamespace, 'report_oibl'::regnamespace)
"""
_numbers = count(1)


@pytest.fixture
def pair() -> Iterator[Pair]:
    wanted = os.environ.get("BDA_TEST_PG_VERSION")
    with EmbeddedPostgres(int(wanted) if wanted else None, OPTIONS | {"shared_buffers": "32MB"}) as primary:
        copy, port = f"{primary._data}_standby", free_port()
        primary._run("pg_basebackup", "-d", primary.dsn(), "-D", copy, "-R", "-X", "stream", "-c", "fast")
        flags = f"-h {primary.host} -p {port} -k '' -c hot_standby=on"
        primary._run("pg_ctl", "-D", copy, "-l", f"{copy}.log", "-w", "-t", "60", "-o", flags, "start")
        with CuttingProxy(primary.port) as proxy:
            found = Pair(primary, proxy, port, copy)
            try:
                yield found
            finally:
                with suppress(Exception):
                    found.stop_standby()


def lab_of(dsn: str, folder: Path) -> Lab:
    """Return a laboratory with 2,000 large rows in two files."""
    target = (folder / f"out{next(_numbers)}").as_uri()
    lab = Lab(dsn, "psycopg", open_store(target, lambda: None), target)
    lab.options = lab.options.model_validate({"max_rows_per_file": 1000})
    return lab


def undisturbed(lab: Lab, export: Export = BIG) -> list[str]:
    """Publish once without a fault; return the digests of the files."""
    lab.whole_run([export], lab.run("undisturbed"))
    return digests(lab)


def digests(lab: Lab) -> list[str]:
    return [file.sha256 for file in lab.manifest().exports["big"].files]


def disturbed(lab: Lab, plan: Any, monkeypatch: pytest.MonkeyPatch, fault: Callable[[], None]) -> BaseException:
    """Export a plan's chunks with a fault in the middle of the COPY; return the error, which must be transient."""
    indexes = range(len(plan.chunks))
    with monkeypatch.context() as patch, closing(lab.connect()) as connection:
        in_the_middle(patch, fault)
        with pytest.raises(Exception) as error:  # noqa: PT011 - the drivers' own, by each fault another one
            chunk.export_chunks(connection, lab.store, plan, indexes, timeout=60)
    assert classify(error.value) == "transient", error.value
    return error.value


def test_a_restart_in_the_middle_of_a_copy(pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clean and by a crash; a frozen copy does not survive a crash, which is noticed."""
    lab = lab_of(pair.dsn, tmp_path)
    lab.sql(FILL, "checkpoint")
    expected = undisturbed(lab)
    for mode in ("fast", "immediate"):
        plan = lab.plan(lab.run(mode), BIG)
        disturbed(lab, plan, monkeypatch, partial(pair.restart, mode))
        lab.publish([plan], lab.chunks(plan))
        assert (lab.manifest().run_id, digests(lab)) == (mode, expected)
    plan = lab.plan(lab.run("frozen"), FROZEN)
    disturbed(lab, plan, monkeypatch, lambda: pair.restart("immediate"))
    with pytest.raises(ExportSourceChangedError):
        lab.publish([plan], lab.chunks(plan))
    assert lab.manifest().run_id == "immediate"
    lab.whole_run([FROZEN], lab.run("from its plan"))
    assert digests(lab) == expected


def test_a_fail_over_in_the_middle_of_a_copy(pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The standby has the same pages: the run goes on there, from its failed task."""
    lab = lab_of(pair.dsn, tmp_path)
    lab.sql("alter system set synchronous_standby_names = '*'", "select pg_reload_conf()")
    lab.sql("set synchronous_commit = remote_apply", FILL)
    lab.sql("alter system reset synchronous_standby_names", "select pg_reload_conf()")
    expected = undisturbed(lab)
    plan = lab.plan(lab.run("failed over"), BIG)
    wait_for_standby(pair)
    disturbed(lab, plan, monkeypatch, pair.fail_over)
    lab.publish([plan], lab.chunks(plan))
    assert (lab.manifest().run_id, digests(lab)) == ("failed over", expected)
    lab.sql("update big set t = 'new' where id = 1")
    lab.whole_run([BIG], lab.run("afterwards"))
    assert digests(lab) != expected


def cut_rounds(postgres: EmbeddedPostgres, dsn: str, folder: Path, rounds: Iterable[int]) -> None:
    """Cut the connection somewhere in the answers, also in those before and behind the COPY; try again each time."""
    choose = random.Random(16)  # noqa: S311 - no secret
    with CuttingProxy(postgres.port) as proxy:
        lab = lab_of(dsn.replace(f"port={postgres.port}", f"port={proxy.port}"), folder)
        lab.sql("drop table if exists big", FILL)
        expected = undisturbed(lab)
        for number in rounds:
            run = lab.run(f"cut {number}")
            plan = lab.plan(run, BIG)
            # All answers together are more than 19 MB.
            proxy.cut_after(choose.randrange(100, 18_000_000))
            with pytest.raises(Exception) as error:  # noqa: PT011 - the drivers' own
                lab.chunks(plan)
            assert classify(error.value) == "transient", error.value
            assert lab.manifest().run_id != run.run_id
            proxy.cut_after(1 << 60)
            lab.publish([plan], lab.chunks(plan))
            assert (lab.manifest().run_id, digests(lab)) == (run.run_id, expected)


def test_a_connection_that_a_proxy_cuts(postgres: EmbeddedPostgres, faults_dsn: str, tmp_path: Path) -> None:
    cut_rounds(postgres, faults_dsn, tmp_path, range(3))


@pytest.mark.faults
def test_a_connection_that_a_proxy_cuts_a_hundred_times(
    postgres: EmbeddedPostgres, faults_dsn: str, tmp_path: Path
) -> None:
    cut_rounds(postgres, faults_dsn, tmp_path, counted("connection cut by a proxy"))


def terminated_rounds(lab: Lab, monkeypatch: pytest.MonkeyPatch, rounds: Iterable[int]) -> None:
    """End the session at some block of the COPY."""
    choose = random.Random(17)  # noqa: S311 - no secret
    lab.sql("drop table if exists big", FILL)
    expected = undisturbed(lab)
    for number in rounds:
        plan = lab.plan(lab.run(f"terminated {number}"), BIG)
        left = choose.randrange(1, 10)

        class Progress(CopyProgress):
            blocks = 0

            def add(self, rows: int, size: int, left: int = left) -> None:
                super().add(rows, size)
                type(self).blocks += 1
                if type(self).blocks == left:
                    lab.sql(ENDS)

        with monkeypatch.context() as patch:
            patch.setattr(chunk, "CopyProgress", Progress)
            states = None
            # The end may come behind the last row.
            with suppress(*TRANSIENT):
                states = lab.chunks(plan)
        lab.publish([plan], states or lab.chunks(plan))
        assert digests(lab) == expected


@pytest.mark.faults
def test_a_session_that_is_ended_at_a_hundred_places(
    faults_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminated_rounds(lab_of(faults_dsn, tmp_path), monkeypatch, counted("session ended in a COPY"))


def test_a_session_that_is_ended_somewhere(faults_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminated_rounds(lab_of(faults_dsn, tmp_path), monkeypatch, range(2))


def sessions_of(dsn: str, role: str) -> int:
    """Return how many sessions the role has; the server ends one some time after its client has."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select count(*) from pg_stat_activity where usename = %s", [role]).fetchone()
        assert row is not None
        return int(row[0])


def test_no_connection_is_left(faults_dsn: str, tmp_path: Path) -> None:
    """A role whose connections are all in use: transient, and the run goes on when one is free."""
    lab = lab_of(faults_dsn, tmp_path)
    lab.sql("drop table if exists big", FILL)
    lab.go_on_as("crowded", "alter role {role} connection limit 1", "grant select on big to {role}")
    plan = lab.plan(lab.run(), BIG)
    wait_for(lambda: sessions_of(faults_dsn, "crowded") == 0, "the plan's session has ended")
    with closing(lab.connect()), pytest.raises(psycopg.OperationalError, match="too many connections") as error:
        lab.chunks(plan)
    assert classify(error.value) == "transient"
    wait_for(lambda: sessions_of(faults_dsn, "crowded") == 0, "the session has ended")
    lab.publish([plan], lab.chunks(plan))


def test_the_disk_is_full(faults_dsn: str, tmp_path: Path) -> None:
    """As the server says it: nothing is left, and the next try has room."""
    lab = lab_of(faults_dsn, tmp_path)
    lab.sql(
        "drop sequence if exists fills",
        "create sequence fills",
        "create or replace function full_once() returns int language plpgsql as $$ begin if nextval('fills') = 1 then "
        "raise exception 'could not extend file: No space left on device' using errcode = '53100'; end if; "
        "return 1; end $$",
    )
    export = Export("big", query="select full_once() as id order by 1", staging_schema="public")
    before = lab.value(STAGED)
    with pytest.raises(psycopg.errors.DiskFull) as error:
        lab.plan(lab.run("full"), export)
    assert classify(error.value) == "transient"
    assert lab.value(STAGED) == before
    lab.sql("select setval('fills', 10)")
    lab.whole_run([export], lab.run("full"))
