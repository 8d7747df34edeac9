"""Fixtures: a whole Airflow with the night of all clients, and one with the client that operators work on.

Each starts anew in every module that uses it: the tests of one stay in one module.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import psycopg
import pytest

from billing_aggregator.local.postgres import EmbeddedPostgres
from billing_aggregator.local.s3 import LocalS3
from billing_aggregator.runs.lock import acquire
from tests.faults.faulty_s3 import FaultyS3
from tests.stack import project
from tests.stack.house import CLIENT, SCRIPTS, SOON, House
from tests.stack.night import OTHER, Night
from tests.stack.project import BUCKET, CLIENTS, dag_id
from tests.stack.sinks import MailSink, SlackSink, StatsdSink
from tests.stack.stack import Stack
from tests.survival.armed import arm_project

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    folder = tmp_path_factory.mktemp("stack")
    (folder / "home").mkdir()
    with (
        LocalS3() as s3,
        EmbeddedPostgres(options={"max_connections": "200"}) as server,
        MailSink() as mail,
        SlackSink() as slack,
        StatsdSink() as statsd,
    ):
        s3.create_bucket(BUCKET)
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute("create database airflow")
        variables = project.variables(server, s3, mail, slack, statsd)
        with psycopg.connect(server.dsn("octopus_held", "billing_aggregator")) as other:
            acquire(other, OTHER, 3600)
        with Stack(project.write(folder, s3), folder / "home", server, variables) as stack:
            order = ["late", "timedout", "killed", *sorted(set(CLIENTS) - {"late", "timedout", "killed"})]
            runs = {client: stack.trigger(dag_id(client)) for client in order}
            yield Night(stack, server, mail, slack, statsd, datetime.now(UTC), runs)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("operations")
    (folder / "home").mkdir()
    clients: dict[str, dict[str, object]] = {CLIENT: {"retries": 0}}
    with (
        FaultyS3() as s3,
        EmbeddedPostgres(options={"max_connections": "200"}) as server,
        MailSink() as mail,
        SlackSink() as slack,
        StatsdSink() as statsd,
    ):
        # Left by another stack of this process: moto keeps its buckets for all servers.
        urlopen(Request(f"{s3.url}/moto-api/reset", method="POST")).close()  # noqa: S310 - our own server
        s3.create_bucket(project.BUCKET)
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute("create database airflow")
        points = folder / "points"
        variables = project.variables(server, s3, mail, slack, statsd, clients) | SOON | {"KILL_POINTS": str(points)}
        written = project.write(folder, s3, clients=clients, scripts=SCRIPTS)
        arm_project(written)
        with Stack(written, folder / "home", server, variables) as stack:
            yield House(stack, server, s3, mail, {}, {}, points / project.dag_id(CLIENT))
