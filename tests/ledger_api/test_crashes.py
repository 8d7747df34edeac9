"""A service that is killed or stopped under load: what was answered is in the books, nothing is there twice."""

from __future__ import annotations

import os
import random
import threading
import time
from typing import TYPE_CHECKING, Any

import grpc
import httpx
import psycopg
import pytest

from billing_aggregator.local.warehouse import ROLE
from tests.ledger_api.server import Running, new_ledger
from tests.ledger_api.test_posting import body, post
from tests.ledger_api.test_rpc import entry, refusal, stub

if TYPE_CHECKING:
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres

CLIENTS = 8
#: 50 in the long form.
KILLS = int(os.environ.get("LEDGER_KILLS", "3"))


class Load:
    """Clients that post keys of their own, each again until it is answered."""

    def __init__(self, running: Running) -> None:
        self._running, self._stop, self._broken = running, threading.Event(), False
        self.answered: list[str] = []
        self.wrong: list[Any] = []
        self.ids: dict[str, set[str]] = {}
        self._threads = [threading.Thread(target=self._post, args=(number,)) for number in range(CLIENTS)]

    def _post(self, client: int) -> None:
        number = 0
        with self._running.client() as api:
            while not self._stop.is_set():
                number += 1
                self._until_answered(api, f"load-{client}-{number}")

    def _until_answered(self, api: httpx.Client, key: str) -> None:
        while not self._broken:
            try:
                answer = post(api, key, body("1.00"))
            except httpx.HTTPError:
                time.sleep(0.05)
                continue
            if answer.status_code == 201:
                self.answered.append(key)
                return
            if answer.status_code != 503:
                self.wrong.append(answer.text)
                return

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, error: object, *_: object) -> None:
        self._broken = error is not None
        self._stop.set()
        for thread in self._threads:
            thread.join(60)


def in_books(postgres: EmbeddedPostgres, database: str) -> tuple[list[str], Any]:
    with psycopg.connect(postgres.dsn(database, ROLE)) as owner:
        keys = [row[0] for row in owner.execute("select idempotency_key from ledger.transaction").fetchall()]
        total = owner.execute("select sum(debit), sum(credit), sum(entries) from ledger.account_total").fetchone()
    return keys, total


def test_killed_under_load_nothing_is_lost_or_doubled(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    new_ledger(postgres, "ledger_api_kill")
    with Running(postgres, "ledger_api_kill", tmp_path / "log") as running, Load(running) as load:
        for _ in range(KILLS):
            time.sleep(random.uniform(0.3, 0.8))  # noqa: S311 - a moment, no secret
            running.stop("kill")
            running.start()
        time.sleep(0.3)
    keys, total = in_books(postgres, "ledger_api_kill")
    assert load.wrong == []
    assert len(load.answered) > 10 * KILLS
    assert sorted(keys) == sorted(load.answered)
    assert total == (len(keys), len(keys), 2 * len(keys))


def under_way(running: Running) -> float:
    """Return how many requests the service has taken and not answered yet, this question left out."""
    with running.client() as api:
        lines = api.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("ledger_requests_in_flight{")) - 1


@pytest.mark.timeout(300)
def test_posts_under_way_are_finished_before_it_stops(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    """Their statement waits for another session when the signal comes."""
    new_ledger(postgres, "ledger_api_stop")
    answers: list[int] = []

    def one(number: int) -> None:
        with running.client() as api:
            answers.append(post(api, f"stop-{number}", body("1.00")).status_code)

    def over_grpc() -> None:
        with grpc.insecure_channel(f"127.0.0.1:{running.grpc}") as channel:
            stub(channel).CreateEntry(entry("stop-grpc", amount="1.00"), timeout=60)
            answers.append(201)

    with (
        Running(postgres, "ledger_api_stop", tmp_path / "log") as running,
        psycopg.connect(postgres.dsn("ledger_api_stop", ROLE)) as owner,
    ):
        owner.execute("lock table ledger.entry in exclusive mode")
        threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
        threads.append(threading.Thread(target=over_grpc))
        for thread in threads:
            thread.start()
        while under_way(running) < len(threads):
            time.sleep(0.05)
        assert running.process is not None
        running.process.terminate()
        with grpc.insecure_channel(f"127.0.0.1:{running.grpc}") as channel:
            until = time.monotonic() + 20
            while refusal(stub(channel).CreateEntry, entry("late"), timeout=1)[0] != grpc.StatusCode.UNAVAILABLE:
                assert time.monotonic() < until, "gRPC takes new calls while REST waits for its last"
        owner.rollback()
        for thread in threads:
            thread.join(30)
        assert running.process.wait(30) in {0, -15}
    assert answers == [201] * 5
    assert set(in_books(postgres, "ledger_api_stop")[0]) >= {f"stop-{number}" for number in range(4)} | {"stop-grpc"}
