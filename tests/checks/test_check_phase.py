"""The checks of a phase share one snapshot; each is told; nothing of a session is left. The same on both drivers."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import psycopg2
import pytest

from billing_aggregator.errors import TerminalError
from billing_aggregator.sql.check_phase import CheckOutcome, CheckPhase, NamedCheck
from billing_aggregator.sql.checks import parse_check
from billing_aggregator.sql.runner import StatementError
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing_aggregator.local.postgres import EmbeddedPostgres

    Connect = Callable[[], Any]


@pytest.fixture(params=[psycopg.connect, psycopg2.connect], ids=["psycopg3", "psycopg2"])
def connect(request: pytest.FixtureRequest, postgres: EmbeddedPostgres) -> Connect:
    return lambda: request.param(postgres.dsn(), application_name="check_phase")


@pytest.fixture
def admin(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute("drop table if exists seen; create table seen (number int); insert into seen values (1)")
        yield connection


def check(name: str, query: str, severity: str = "fail") -> NamedCheck:
    return NamedCheck(name, int(name[:3]), parse_check(f"-- {severity}: {name} holds\n{query}", name))


def run(connect: Connect, *checks: NamedCheck, sessions: int = 3, **options: Any) -> dict[str, CheckOutcome]:
    with closing(CheckPhase(connect, sessions=sessions, **options)) as phase:
        return {outcome.name: outcome for outcome in phase.run(checks)}


def sessions_left(admin: psycopg.Connection) -> int:
    row = admin.execute("select count(*) from pg_stat_activity where application_name = 'check_phase'").fetchone()
    assert row
    return int(row[0])


PASSES = "select 1 as number where false"


@pytest.mark.parametrize("sessions", [1, 2, 5])
def test_every_check_of_a_stage_is_told(connect: Connect, sessions: int) -> None:
    found = run(
        connect,
        check("100_a", "select generate_series(1, 30) as number"),
        check("100_b", PASSES),
        check("100_c", "select 1 / 0 as number"),
        check("100_d", "select 'x' as word"),
        check("200_e", PASSES),
        sessions=sessions,
    )
    states = {name: outcome.state for name, outcome in found.items()}
    assert states == {
        "100_a": "violated",
        "100_b": "passed",
        "100_c": "failed",
        "100_d": "violated",
        "200_e": "not run",
    }
    assert isinstance(found["100_c"].error, StatementError)
    result = found["100_a"].result
    assert result is not None
    assert (result.violations, len(result.sample), result.columns) == (30, 20, ("number",))


def test_warnings_stop_nothing(connect: Connect) -> None:
    found = run(connect, check("100_a", "select 1", "warn"), check("100_b", "select 2", "info"), check("200_c", PASSES))
    assert [outcome.state for outcome in found.values()] == ["violated", "violated", "passed"]


def test_all_checks_see_one_state(connect: Connect, admin: psycopg.Connection) -> None:
    """Rows that are committed between two stages, or while a session is opened, are not seen by any of them."""
    opened = 0

    def connect_and_commit() -> Any:
        nonlocal opened
        if opened:
            admin.execute("insert into seen values (2)")
        opened += 1
        return connect()

    counts = "select number, count(*) from seen group by number"
    found = run(
        connect_and_commit,
        check("100_a", counts, "warn"),
        *(check(f"200_{name}", counts, "warn") for name in "bcd"),
        check("300_e", counts, "warn"),
    )
    assert opened == 3
    assert {outcome.result.sample for outcome in found.values() if outcome.result} == {(("1", "1"),)}


def test_a_check_leaves_nothing_for_the_next_one(connect: Connect, admin: psycopg.Connection) -> None:
    locks = (
        "select relation::regclass from pg_locks where pid = pg_backend_pid() and relation = 'seen'::regclass "
        "union all select null where current_setting('work_mem') = '77kB'"
    )
    found = run(
        connect,
        check("100_a", "select set_config('work_mem', '77kB', true) from seen", "warn"),
        check("100_b", "select * from nowhere", "warn"),
        check("100_c", locks),
        sessions=1,
    )
    assert found["100_b"].state == "failed"
    assert found["100_c"].state == "passed"
    wait_for(lambda: sessions_left(admin) == 0, "the sessions to end")


def test_a_check_writes_nothing(connect: Connect, admin: psycopg.Connection) -> None:
    (outcome,) = run(
        connect, check("100_a", "with w as (insert into seen values (2) returning 1) select * from w")
    ).values()
    assert outcome.state == "failed"
    assert admin.execute("select count(*) from seen").fetchone() == (1,)


def test_settings_and_guards_reach_each_check(connect: Connect) -> None:
    looked_at: list[str] = []

    def guards(name: str) -> Callable[[Any], None]:
        def guard(_: Any) -> None:
            looked_at.append(name)
            if name == "100_b":
                raise TerminalError("not ours")

        return guard

    asked = "select current_setting('bda.client', true) as client"
    found = run(connect, check("100_a", asked, "warn"), check("100_b", asked), settings={"client": "x"}, guards=guards)
    assert sorted(looked_at) == ["100_a", "100_b"]
    assert found["100_a"].result
    assert found["100_a"].result.sample == (("x",),)
    assert isinstance(found["100_b"].error, TerminalError)


def test_a_lost_session_fails_its_checks_and_is_told_as_it_was(connect: Connect, admin: psycopg.Connection) -> None:
    kill = "select pg_terminate_backend(pg_backend_pid())"
    found = run(connect, check("100_a", kill), check("100_b", PASSES), sessions=1)
    assert [outcome.state for outcome in found.values()] == ["failed", "failed"]
    assert isinstance(found["100_a"].error, StatementError)
    wait_for(lambda: sessions_left(admin) == 0, "the sessions to end")


def test_cancelled_from_outside_all_end(connect: Connect, admin: psycopg.Connection) -> None:
    with closing(CheckPhase(connect, sessions=3)) as phase:
        slow = [check(f"100_{name}", "select pg_sleep(600)") for name in "abcd"]
        done: list[CheckOutcome] = []
        thread = threading.Thread(target=lambda: done.extend(phase.run(slow)))
        thread.start()
        sleeping = (
            "select count(*) from pg_stat_activity where application_name = 'check_phase' and wait_event = 'PgSleep'"
        )
        wait_for(lambda: admin.execute(sleeping).fetchone() == (3,), "three sessions to sleep")
        while thread.is_alive():
            phase.cancel()
            thread.join(0.2)
    assert {outcome.state for outcome in done} == {"failed"}
    wait_for(lambda: sessions_left(admin) == 0, "the sessions to end")


def test_autocommit_is_refused(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(ValueError, match="autocommit"):
        run(lambda: psycopg.connect(postgres.dsn(), autocommit=True), check("100_a", PASSES))


@pytest.mark.parametrize("sessions", [0, -1])
def test_a_phase_has_sessions(connect: Connect, sessions: int) -> None:
    with pytest.raises(ValueError, match="give 1 or more"):
        CheckPhase(connect, sessions=sessions)
