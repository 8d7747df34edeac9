"""A run on two workers that share no folder, as on MWAA: chunks run on both, and one of them may die."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import psycopg
import pytest

from billing_aggregator.export.reader import check_publication, current_manifest
from billing_aggregator.export.store.factory import open_store
from billing_aggregator.local.postgres import EmbeddedPostgres
from billing_aggregator.local.s3 import LocalS3
from tests.stack import project
from tests.stack.sinks import MailSink, SlackSink, StatsdSink
from tests.stack.stack import Stack
from tests.stack.workers import Redis, Worker, celery
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.stack, pytest.mark.timeout(3600)]
CLIENT = "spread"
DAG = project.dag_id(CLIENT)
PLAN = "export.bookkeeper_results.plan"
ROWS, FILES = 800, 8
SCRIPTS = {
    "init/bookkeeper/010_results.sql": (
        "-- Results: some rows for each of many files.\n"
        "create schema if not exists report_oibl;\n"
        "drop table if exists report_oibl.bookkeeper_results;\n"
        "create table report_oibl.bookkeeper_results as\n"
        f"select id::integer, 'row ' || id as name from generate_series(1, {ROWS}) as id order by id;\n"
    )
}
# Chunks that wait for the table, each in a session of its own.
WAITING = "select 1 from pg_stat_activity where application_name like 'bda:%chunk' and wait_event_type = 'Lock'"
# A worker that is gone is noticed by its task's missing heartbeats; a healthy one on a slow machine is retried.
NOTICED = {"AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60"}
ENTRY: dict[str, object] = {"retries": 5}


@dataclass
class Cluster:
    """The running stack and its two workers."""

    stack: Stack
    server: EmbeddedPostgres
    s3: LocalS3
    workers: tuple[Worker, Worker]

    def published_ids(self, run_id: str) -> list[int]:
        """Return the ids in the files of the current publication, which is whole and of this run."""
        store = open_store(f"s3://{project.BUCKET}", self.s3.client)
        manifest = current_manifest(store, CLIENT, "local")
        assert manifest is not None
        assert manifest.run_id == run_id
        check_publication(store, manifest)
        files = manifest.exports["bookkeeper_results"].files
        assert len(files) == FILES
        texts = [self.s3.client().get_object(Bucket=project.BUCKET, Key=file.key)["Body"].read() for file in files]
        return [int(line.split(b",")[0]) for text in texts for line in text.splitlines()[1:]]

    def query(self, text: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.server.dsn(f"octopus_{CLIENT}")) as connection:
            return connection.execute(text).fetchall()

    def planned(self, run_id: str) -> bool:
        return self.stack.tasks(DAG, run_id).get(PLAN, {}).get("state") == "success"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    clients: dict[str, dict[str, object]] = {CLIENT: ENTRY}
    folders = {name: tmp_path_factory.mktemp(name) for name in ("scheduler", "one", "two")}
    with (
        Redis(folders["scheduler"]) as redis,
        LocalS3() as s3,
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
        variables = project.variables(server, s3, mail, slack, statsd, clients) | celery(redis, server) | NOTICED
        for folder in folders.values():
            project.write(folder, s3, clients=clients, scripts=SCRIPTS)
            (folder / "home").mkdir()
        main = folders["scheduler"]
        with Stack(main, main / "home", server, variables) as stack:
            one, two = (Worker(name, folders[name], stack.environment) for name in ("one", "two"))
            with one, two:
                one.wait_ready()
                two.wait_ready()
                yield Cluster(stack, server, s3, (one, two))


def test_chunks_run_on_both_workers_and_the_publication_is_whole(cluster: Cluster) -> None:
    run_id = cluster.stack.trigger(DAG, max_rows_per_file=ROWS // FILES)
    assert cluster.stack.ended(DAG, run_id) == "success"
    assert cluster.published_ids(run_id) == list(range(1, ROWS + 1))
    one, two = (set(worker.chunks(run_id)) for worker in cluster.workers)
    assert one
    assert two
    assert one | two == set(range(FILES))
    counted = [worker.text(run_id).count(f"billing.{CLIENT}.local.published") for worker in cluster.workers]
    assert sum(counted) == 1, "the alarms count this line"
    assert not (cluster.stack.home / "logs" / f"dag_id={DAG}").exists(), "no task ran beside the scheduler"


def test_the_other_worker_finishes_when_one_dies(cluster: Cluster) -> None:
    run_id = cluster.stack.trigger(DAG, max_rows_per_file=ROWS // FILES)
    wait_for(lambda: cluster.planned(run_id), "the export is planned")
    dies, stays = cluster.workers
    with psycopg.connect(cluster.server.dsn(f"octopus_{CLIENT}")) as holder:
        holder.execute("lock table report_oibl.bookkeeper_results in access exclusive mode")
        wait_for(lambda: len(cluster.query(WAITING)) == 2, "both workers are in the middle of a chunk")
        started = dies.chunks(run_id)
        dies.kill()
        wait_for(lambda: len(cluster.query(WAITING)) == 1, "the dead worker's session has ended")
    assert cluster.stack.ended(DAG, run_id) == "success"
    assert cluster.published_ids(run_id) == list(range(1, ROWS + 1))
    assert dies.chunks(run_id) == started
    taken_over = {unit: attempts for unit, attempts in stays.chunks(run_id).items() if unit in started}
    assert list(taken_over.values()) == [[2]], "the one chunk that died with it, a second time"
