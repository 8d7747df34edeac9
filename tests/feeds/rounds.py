"""Rounds of a feed that is killed, cut off and told everything twice; each must end as an undisturbed run does."""

from __future__ import annotations

import multiprocessing
import random
import sys
import threading
import time
from collections import Counter
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import psycopg

from billing_aggregator.local.warehouse import create_octopus
from tests.broker.server import Broker
from tests.feeds.results import differences, published_problems, published_values, result
from tests.feeds.streams import stream
from tests.feeds.surroundings import Shop
from tests.feeds.worker import POINTS, work

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from tests.feeds.streams import Messages

ROLE = "billing_aggregator"
INCIDENTS = (*POINTS, "killed at any moment", "broker cut off", "database cut off", "broker away for a second")
UNBALANCED = """
select currency, sum(case side when 'debit' then amount else -amount end)
from ledger.entry group by currency having sum(case side when 'debit' then amount else -amount end) <> 0
"""
CUT = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
"""
#: Starts processes in milliseconds: it has imported what they need.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.feeds.rounds", "tests.feeds.worker", "psycopg", "confluent_kafka"])
MOST_TRIES = 12


class Rounds:
    """The surroundings of all rounds: a server, a template, expected results by stream.

    :param postgres: a running server.
    """

    def __init__(self, postgres: EmbeddedPostgres, template: str) -> None:
        self._postgres = postgres
        self._template = template
        self._count = 0
        self.happened: Counter[str] = Counter()
        self.looks = 0

    def database(self) -> str:
        """Make a database and return its address."""
        self._count += 1
        name = f"{self._template}_{self._count}"
        create_octopus(self._postgres, name, template=self._template)
        return self._postgres.dsn(name, ROLE)

    def expected(self, messages: Messages) -> tuple[dict[str, Any], list[str]]:
        """Return what an undisturbed run in one batch makes of *messages*."""
        with Broker() as broker:
            shop = Shop(self.database(), broker.servers, batch=100_000)
            shop.produce(messages)
            shop.drain()
            return result(shop), published_values(shop.published())

    def round(self, seed: int, messages: Messages, expected: tuple[dict[str, Any], list[str]]) -> str:
        """Run one round; return what is wrong, empty when nothing is."""
        chance = random.Random(seed)  # noqa: S311 - not for secrets
        with Broker() as broker:
            shop = Shop(self.database(), broker.servers, batch=chance.choice((25, 100, 400)))
            with self._watched(shop) as problems:
                parts = sorted(chance.sample(range(1, len(messages)), chance.randrange(1, 4)))
                for begin, end in zip([0, *parts], [*parts, len(messages)], strict=True):
                    shop.produce(messages[begin:end])
                    self._disturbed(chance, shop, broker)
                self._to_its_end(shop)
            messages_out = shop.published()
            problems += filter(None, [differences(expected[0], result(shop)), published_problems(shop, messages_out)])
            if not problems and published_values(messages_out) != expected[1]:
                problems.append("the published values differ")
        return "\n".join(problems)

    @contextmanager
    def _watched(self, shop: Shop) -> Iterator[list[str]]:
        """Look at the ledger all the time; yield the list of what was wrong."""
        problems: list[str] = []
        over = threading.Event()

        def look() -> None:
            while not over.is_set():
                try:
                    with closing(psycopg.connect(shop.dsn, autocommit=True)) as connection:
                        while not over.wait(0.02):
                            wrong = connection.execute(UNBALANCED).fetchall()
                            self.looks += 1
                            problems.extend(f"ledger does not add up: {row}" for row in wrong)
                except psycopg.OperationalError:
                    continue  # cut off with the others

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        yield problems
        over.set()
        thread.join()

    def _disturbed(self, chance: random.Random, shop: Shop, broker: Broker) -> None:
        """Run the feed once while something happens to it."""
        incident = chance.choice(INCIDENTS)
        self.happened[incident] += 1
        point = incident if incident in POINTS else ""
        process = _start(shop, point, chance.choice((1, 1, 2, 3)))
        if not point:
            time.sleep(chance.random() * 0.8)
            if incident == "killed at any moment":
                process.kill()
            elif incident == "broker cut off":
                broker.cut()
            elif incident == "broker away for a second":
                broker.refuse(refusing=True)
                time.sleep(1)
                broker.refuse(refusing=False)
            else:
                shop.rows(CUT)
        process.join(120)
        assert process.exitcode is not None, f"{incident}: the run does not end"

    @staticmethod
    def _to_its_end(shop: Shop) -> None:
        """Run the feed until a run succeeds, as Airflow does."""
        for _ in range(MOST_TRIES):
            process = _start(shop)
            process.join(120)
            if process.exitcode == 0:
                return
        raise AssertionError("the feed does not recover")


def _start(shop: Shop, point: str = "", at: int = 1) -> Any:
    process = CONTEXT.Process(target=work, args=(shop.dsn, shop.servers, {"batch": shop.batch}, point, at), daemon=True)
    process.start()
    return process


def run(rounds: Rounds, count: int, seed: int, *, orders: int = 60, of_a_stream: int = 4) -> list[str]:
    """Run *count* rounds and return what was wrong in which; a new stream every few rounds."""
    wrong = []
    messages: Messages = []
    expected: tuple[dict[str, Any], list[str]] = ({}, [])
    for number in range(count):
        if number % of_a_stream == 0:
            messages = stream(seed + number, orders)
            expected = rounds.expected(messages)
            assert expected[0]["unsent"] == [("0",)], "the undisturbed run has left something"
        found = rounds.round(seed + number, messages, expected)
        if found:
            wrong.append(f"round {number} (seed {seed + number}): {found}")
        print(wrong[-1] if found else f"round {number} of {count}: as undisturbed", file=sys.stderr, flush=True)
    return wrong
