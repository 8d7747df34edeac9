"""A whole Airflow whose tasks die at kill points: the small night of some clients, and what operators do about it."""

from __future__ import annotations

import signal
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import psycopg

from billing_aggregator.local.postgres import EmbeddedPostgres
from tests.faults.faulty_s3 import FaultyS3
from tests.stack import project
from tests.stack.house import SOON
from tests.stack.project import BUCKET, dag_id
from tests.stack.sinks import MailSink, SlackSink, StatsdSink
from tests.stack.stack import Stack
from tests.survival import kill_points, small_night
from tests.survival.armed import arm_project, read_only_but
from tests.survival.surroundings import Client
from tests.waiting import wait_for

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

CLIENTS: Mapping[str, dict[str, object]] = {
    "killed": {"max_rows_per_file": small_night.ROWS_PER_FILE, "retries": 1},
    "cleared": {"max_rows_per_file": small_night.ROWS_PER_FILE, "retries": 0},
    "twin": {"max_rows_per_file": small_night.ROWS_PER_FILE},
}


@dataclass
class KilledStack:
    """The running stack, its clients, the folder of their kill points, whether its root is read-only."""

    stack: Stack
    clients: dict[str, Client]
    points: Path
    read_only: bool

    def arm(self, client: str, *names: str) -> None:
        kill_points.light(self.points / dag_id(client), *names)

    def fired(self, client: str) -> set[str]:
        """Return where the client's tasks have died since the last call."""
        folder = self.points / dag_id(client)
        found = kill_points.fired(folder)
        for name in found:
            (folder / f"{name}.fired").unlink()
        return found

    def run(self, client: str, meanwhile: Callable[[], None] = lambda: None) -> str:
        """Run the client's night to its end, clearing what failed as the runbook says; return the run's id.

        :param meanwhile: is called when the run has been started.
        """
        run_id = self.stack.trigger(dag_id(client))
        meanwhile()
        while self.stack.ended(dag_id(client), run_id) == "failed" or self._failed(client, run_id):
            self.stack.clear(dag_id(client), run_id, *self._failed(client, run_id), downstream=True)
        return run_id

    def _failed(self, client: str, run_id: str) -> list[str]:
        tasks = self.stack.tasks(dag_id(client), run_id)
        return sorted(name for name, task in tasks.items() if task["state"] == "failed")

    def kill_scheduler(self, client: str, chance: random.Random) -> None:
        """SIGKILL the scheduler and all tasks when the run has ended a random number of its tasks."""
        wait_for_tasks(self, client, chance.randrange(1, 14))
        self.stack.stop("scheduler", signal.SIGKILL)
        self.stack.start("scheduler")


def wait_for_tasks(killed: KilledStack, client: str, number: int) -> None:
    """Wait until so many tasks of the client's newest run have succeeded."""

    def ended() -> bool:
        runs = killed.stack.rest.call("GET", f"/api/v2/dags/{dag_id(client)}/dagRuns?order_by=-run_after&limit=1")
        tasks = killed.stack.tasks(dag_id(client), runs["dag_runs"][0]["dag_run_id"])
        return len([task for task in tasks.values() if task["state"] == "success"]) >= number

    wait_for(ended, f"{number} tasks of {client} have ended")


@contextmanager
def killed_stack(
    folder: Path, server: EmbeddedPostgres | None = None, s3: FaultyS3 | None = None
) -> Iterator[KilledStack]:
    """Start everything below *folder*.

    :param server: of the warehouse; Airflow has another one.
    :param s3: a running one.
    """
    (folder / "home").mkdir(parents=True)
    with ExitStack() as stack:
        s3 = s3 or stack.enter_context(FaultyS3())
        airflows = stack.enter_context(EmbeddedPostgres(options={"max_connections": "200"}))
        server = server or airflows
        sinks = [stack.enter_context(sink()) for sink in (MailSink, SlackSink, StatsdSink)]
        # Left by another stack of this process: moto keeps its buckets for all servers.
        urlopen(Request(f"{s3.url}/moto-api/reset", method="POST")).close()  # noqa: S310 - our own server
        s3.create_bucket(BUCKET)
        with psycopg.connect(airflows.dsn(), autocommit=True) as admin:
            admin.execute("create database airflow")
        mail, slack, statsd = sinks
        variables = project.variables(server, s3, mail, slack, statsd, CLIENTS) | SOON  # type: ignore[arg-type]  # in order
        written = project.write(folder, s3, clients=CLIENTS, scripts=small_night.all_scripts())
        arm_project(written, at_once=True)
        points = folder / "points"
        clients = {name: Client(name, server, s3, BUCKET, folder) for name in CLIENTS}
        for client in clients.values():
            client.sql(small_night.SOURCE)
        points.mkdir()
        writable = read_only_but(points, folder / "home/logs", folder / "home/tmp")
        own = {"KILL_POINTS": str(points), "TMPDIR": str(folder / "home/tmp")}
        airflow = Stack(written, folder / "home", airflows, variables | own, inside=writable)
        yield KilledStack(stack.enter_context(airflow), clients, points, bool(writable))
