"""Measures the orders' feed: ``python -m benchmarks.bench_orders --events 200000``.

From the broker to posted invoices, and on to the events' topic; beside a loop of one transaction per event on the same
server in the same run. Then the memory with a backlog, the time from event to published row at a steady rate, of a
stream alone and under a real scheduler, and the CPU of an idle feed. Writes ``build/bench-orders.json``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from benchmarks.orders_loop import Loop, messages_of
from benchmarks.orders_scheduled import Listener, scheduled
from billing_aggregator.local.kafka import produce
from billing_aggregator.local.postgres import EmbeddedPostgres
from billing_aggregator.local.random_orders import random_orders
from billing_aggregator.local.warehouse import create_octopus
from tests.feeds.surroundings import TOPIC, make_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
ROLE = "billing_aggregator"


class Bench:
    """One server and its databases."""

    def __init__(self, postgres: EmbeddedPostgres, batch: int) -> None:
        self._postgres, self._batch, self._count = postgres, batch, 0
        create_octopus(postgres, "bench")
        with psycopg.connect(postgres.dsn("bench", ROLE)) as connection:
            make_schema(connection)

    def database(self) -> str:
        """Make a database and return its address."""
        self._count += 1
        create_octopus(self._postgres, f"bench_{self._count}", template="bench")
        return self._postgres.dsn(f"bench_{self._count}", ROLE)

    def start(self, dsn: str, servers: str, seconds: float = 0) -> subprocess.Popen[str]:
        """Start a stream; 0 seconds drain the topic."""
        command = [sys.executable, "-m", "benchmarks.orders_worker", dsn, servers, str(self._batch), str(seconds)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)

    def stream(self, dsn: str, servers: str, seconds: float = 0) -> dict[str, Any]:
        """Run a stream to its end and return its figures."""
        process = self.start(dsn, servers, seconds)
        answer, _ = process.communicate()
        assert process.returncode == 0, "the stream failed"
        figures: dict[str, Any] = json.loads(answer.splitlines()[-1])
        return figures


@contextmanager
def broker(events: int, seed: int = 1) -> Iterator[str]:
    """Yield the address of a broker in a process of its own, with *events* messages in the orders' topic."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.broker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    assert process.stdin is not None
    servers = process.stdout.readline().strip()
    try:
        if events:
            produce({"bootstrap.servers": servers}, TOPIC, islice(random_orders(events, seed, wrong=False), events))
        yield servers
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def feed_against_loop(bench: Bench, events: int, loop_events: int) -> dict[str, Any]:
    """Return events a second of the feed and of the loop, which runs before and behind it: the machine may change."""
    with broker(events) as servers:
        before = loop_seconds(bench, servers, loop_events)
        figures = bench.stream(bench.database(), servers)
        behind = loop_seconds(bench, servers, loop_events)
    loop_rate = 2 * loop_events / (before + behind)
    assert figures["outcome"]["events"] == events, figures
    posted = figures["seconds"] - figures["parts"]["relay"]
    return {
        "events": events,
        "posted_per_second": round(events / posted),
        "published_per_second": round(events / figures["seconds"]),
        "outbox_rows": figures["outcome"]["sent"],
        "loop_events": 2 * loop_events,
        "loop_per_second": round(loop_rate),
        "loop_before_and_behind": [round(loop_events / before), round(loop_events / behind)],
        "posted_times_the_loop": round(events / posted / loop_rate, 1),
        "peak_mb": round(figures["peak_mb"]),
        "parts_in_seconds": figures["parts"],
    }


def loop_seconds(bench: Bench, servers: str, events: int) -> float:
    """Return the seconds of a loop of one transaction an event, for so many events."""
    with psycopg.connect(bench.database()) as connection:
        loop = Loop(connection)
        began = time.monotonic()
        assert loop.run(messages_of({"bootstrap.servers": servers}, TOPIC, events)) == events
        return time.monotonic() - began


def backlog(bench: Bench, events: int, seconds: float) -> dict[str, Any]:
    """Return the peak memory of a stream that finds *events* messages and works for *seconds*."""
    with broker(events) as servers:
        figures = bench.stream(bench.database(), servers, seconds)
    outcome = figures["outcome"]
    return {"messages": events, "taken": outcome["events"], "peak_mb": round(figures["peak_mb"])}


def latency(bench: Bench, per_second: int, seconds: int) -> dict[str, Any]:
    """Return how long an order takes from the producer to its row in the events' topic, at a steady rate."""
    with broker(0) as servers, Listener(servers) as listener:
        process = bench.start(bench.database(), servers, seconds + 8)
        time.sleep(3)
        listener.produce(per_second, seconds)
        process.communicate()
        return listener.figures()


def idle(bench: Bench, seconds: int) -> dict[str, Any]:
    """Return the CPU that a stream uses while nothing comes, its start not counted, its chores of each minute too."""
    with broker(10) as servers:
        dsn = bench.database()
        short, long = bench.stream(dsn, servers, 5), bench.stream(dsn, servers, 5 + seconds)
    share = (long["cpu_seconds"] - short["cpu_seconds"]) / seconds
    return {"seconds": seconds, "cpu_percent": round(100 * share, 2), "cpu_seconds_an_hour": round(3600 * share, 1)}


def main() -> None:
    """Measure what is asked for and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--loop-events", type=int, default=2_500)
    parser.add_argument("--batch", type=int, default=10_000)
    parser.add_argument("--parts", default="speed,backlog,latency,scheduled,idle")
    parser.add_argument("--minutes", type=float, default=5, help="of the part scheduled")
    parser.add_argument("--run-minutes", type=int, default=1, help="of the feed in the part scheduled")
    options = parser.parse_args()
    path = ROOT / "build" / "bench-orders.json"
    figures: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    with EmbeddedPostgres() as postgres:
        bench = Bench(postgres, options.batch)
        parts = {
            "speed": lambda: feed_against_loop(bench, options.events, options.loop_events),
            "backlog": lambda: backlog(bench, 1_000_000, 30),
            "latency": lambda: latency(bench, 100, 60),
            "scheduled": lambda: scheduled(postgres, broker, 100, options.minutes, options.run_minutes),
            "idle": lambda: idle(bench, 120),
        }
        for name in options.parts.split(","):
            figures[name] = parts[name]()
            print(json.dumps({name: figures[name]}, indent=2), flush=True)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
