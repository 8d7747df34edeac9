"""One run at a time: races, dead holders, second deployments, on a real server."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from billing_aggregator.local.warehouse import ROLE, create_octopus
from billing_aggregator.runs.identity import Run
from billing_aggregator.runs.lock import LockHeldError, acquire, holder, release, release_unused
from billing_aggregator.runs.session_names import session_name
from tests.integration.runs.identities import FIRST, SECOND
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.local.postgres import EmbeddedPostgres

HOUR = 3600
ELSEWHERE = Run("enercity", "stage", "airflow-new:8080#11bb", "billing", "scheduled__2026-11-20T02:00:00+00:00")
_counter = iter(range(1_000))


def expire(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("update report_oibl.aggregator_claims set lease_until = now() - interval '1 second'")
    connection.commit()


def test_the_second_run_is_refused_with_the_name_of_the_first(connect: Callable[..., Any]) -> None:
    connection = connect()
    acquire(connection, FIRST, HOUR)
    with pytest.raises(LockHeldError) as refused:
        acquire(connection, SECOND, HOUR)
    for part in (FIRST.run_id, FIRST.deployment, "since", FIRST.tag):
        assert part in str(refused.value)
    held = holder(connection, SECOND)
    assert held is not None
    assert held.run == FIRST


def test_other_environments_do_not_matter(connect: Callable[..., Any]) -> None:
    acquire(connect(), FIRST, HOUR)
    acquire(connect(), ELSEWHERE, HOUR)


def test_the_same_run_enters_again_and_keeps_its_start(connect: Callable[..., Any]) -> None:
    connection = connect()
    acquire(connection, FIRST, 10)
    first = holder(connection, FIRST)
    acquire(connection, FIRST, HOUR)
    again = holder(connection, FIRST)
    assert first is not None
    assert again is not None
    assert again.since == first.since
    assert again.lease_until > first.lease_until


def test_released_is_free(connect: Callable[..., Any]) -> None:
    connection = connect()
    acquire(connection, FIRST, HOUR)
    assert not release(connection, SECOND)
    assert release(connection, FIRST)
    assert not release(connection, FIRST)
    acquire(connection, SECOND, HOUR)


def test_a_lock_that_a_session_uses_is_not_released(connect: Callable[..., Any]) -> None:
    connection = connect()
    acquire(connection, FIRST, HOUR)
    alive = connect(session_name("enercity", "prod", FIRST.tag, "init.bookkeeper.100_long"))
    release_unused(connection, SECOND)
    release_unused(connection, FIRST)
    assert holder(connection, FIRST) is not None
    alive.close()
    wait_for_no_session(connection, FIRST.tag)
    release_unused(connection, FIRST)
    assert holder(connection, FIRST) is None


def test_an_expired_lease_is_taken_over_once_no_session_is_left(connect: Callable[..., Any]) -> None:
    connection = connect()
    acquire(connection, FIRST, HOUR)
    expire(connection)
    alive = connect(session_name("enercity", "prod", FIRST.tag, "init.bookkeeper.100_long"))
    with pytest.raises(LockHeldError):
        acquire(connection, SECOND, HOUR)
    alive.close()
    wait_for_no_session(connection, FIRST.tag)
    acquire(connection, SECOND, HOUR)
    with pytest.raises(LockHeldError):
        acquire(connection, FIRST, HOUR)


def test_the_lock_of_a_run_that_has_ended_is_taken_over_before_it_expires(connect: Callable[..., Any]) -> None:
    connection = connect()
    acquire(connection, FIRST, HOUR)
    with pytest.raises(LockHeldError):
        acquire(connection, SECOND, HOUR, ended=ELSEWHERE)
    acquire(connection, SECOND, HOUR, ended=FIRST)


def test_of_many_simultaneous_runs_one_wins(connect: Callable[..., Any]) -> None:
    """Ten rounds of eight runs that start at the same moment; in the first the tables do not exist yet."""
    sessions = [connect() for _ in range(8)]
    for attempt in range(10):
        runs = [Run("enercity", "prod", f"airflow-{number}", "billing", f"manual__{attempt}") for number in range(8)]
        start = threading.Barrier(len(runs))
        outcomes: list[str] = []

        def take(session: Any, run: Run, start: threading.Barrier = start, outcomes: list[str] = outcomes) -> None:
            start.wait()
            try:
                acquire(session, run, HOUR)
                outcomes.append("won")
            except LockHeldError:
                outcomes.append("refused")

        threads = [threading.Thread(target=take, args=pair) for pair in zip(sessions, runs, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["refused"] * 7 + ["won"]
        held = holder(sessions[0], runs[0])
        assert held is not None
        assert release(sessions[0], held.run)


def test_of_many_takeovers_one_wins(connect: Callable[..., Any]) -> None:
    sessions = [connect() for _ in range(6)]
    acquire(sessions[0], FIRST, HOUR)
    expire(sessions[0])
    start = threading.Barrier(len(sessions))
    won: list[str] = []

    def take(session: Any, number: int) -> None:
        start.wait()
        try:
            acquire(session, Run("enercity", "prod", f"airflow-{number}", "billing", "manual"), HOUR)
            won.append(str(number))
        except LockHeldError:
            pass

    threads = [threading.Thread(target=take, args=(session, number)) for number, session in enumerate(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_nobody_holds_before_the_tables_exist(connect: Callable[..., Any]) -> None:
    assert holder(connect(), FIRST) is None


def test_tables_in_a_schema_of_another_role(postgres: EmbeddedPostgres) -> None:
    """The role need not be allowed to create schemas where its schema exists."""
    name = f"locks_{next(_counter)}"
    create_octopus(postgres, name)
    with psycopg.connect(postgres.dsn(name), autocommit=True) as admin:
        admin.execute(f"create schema report_oibl authorization {ROLE}")
        admin.execute(f"revoke create on database {name} from {ROLE}")
    with psycopg.connect(postgres.dsn(name, ROLE)) as connection:
        acquire(connection, FIRST, HOUR)


def wait_for_no_session(connection: Any, tag: str) -> None:
    def gone() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from pg_stat_activity where application_name like %s", [f"bda:%:{tag}:%"])
            count = cursor.fetchone()[0]
        connection.commit()
        return bool(count == 0)

    wait_for(gone, "the session has ended")
