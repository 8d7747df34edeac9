"""The stack that operators work on: its client, its scripts, and queries for what it leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from billing_aggregator.export.reader import check_publication, current_manifest
from billing_aggregator.export.store.factory import open_store
from tests.stack import project
from tests.stack.messages import steady
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from billing_aggregator.export.manifest import Manifest
    from billing_aggregator.local.postgres import EmbeddedPostgres
    from tests.faults.faulty_s3 import Fault, FaultyS3
    from tests.stack.sinks import MailSink
    from tests.stack.stack import Stack

CLIENT = "operated"
DAG = project.dag_id(CLIENT)
MANIFEST = f"{CLIENT}/local/_manifest.json"
# Waits only while the table public.hold is there.
HOLDS = """do $$ begin
while exists (select from pg_catalog.pg_class where relname = 'hold') loop perform pg_sleep(0.2); end loop;
end $$;
"""
KEEPS = """create table if not exists report_oibl.history_bookkeeper_results (business_date date, id integer);
delete from report_oibl.history_bookkeeper_results where business_date = current_setting('bda.business_date')::date;
insert into report_oibl.history_bookkeeper_results
select current_setting('bda.business_date')::date, id from report_oibl.bookkeeper_results;
"""
SCRIPTS = {
    "init/bookkeeper/010_results.sql": project.RESULTS,
    "init/bookkeeper/020_holds.sql": HOLDS,
    "history/bookkeeper/010_keeps.sql": KEEPS,
}
# A killed scheduler is soon considered dead, also on a slow machine: nothing else depends on it here.
SOON = {
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "30",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
}


@dataclass
class House:
    """The running stack, and queries for what it leaves behind.

    :param points: folder of the kill points of its tasks.
    """

    stack: Stack
    server: EmbeddedPostgres
    s3: FaultyS3
    mail: MailSink
    runs: dict[str, str]
    kept: dict[str, bytes]
    points: Path

    def trigger(self, name: str, **options: Any) -> str:
        self.runs[name] = self.stack.trigger(DAG, **options)
        return self.runs[name]

    def ended(self, name: str) -> str:
        return self.stack.ended(DAG, self.runs[name])

    def task(self, name: str, task: str) -> str:
        found = self.stack.tasks(DAG, self.runs[name]).get(task)
        return str(found["state"]) if found else ""

    def titles(self) -> list[str]:
        """Return the mails' subjects, on a fixed day."""
        return [steady(str(mail["Subject"])) for mail in self.mail.mails]

    def query(self, text: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.server.dsn(f"octopus_{CLIENT}"), autocommit=True) as connection:
            cursor = connection.execute(text)
            return cursor.fetchall() if cursor.description else []

    def recorded(self, name: str) -> str:
        where = f"where run_id = '{self.runs[name]}'"
        return str(self.query(f"select state from report_oibl.aggregator_runs {where}")[0][0])

    def manifest(self) -> Manifest | None:
        store = open_store(f"s3://{project.BUCKET}", self.s3.client)
        manifest = current_manifest(store, CLIENT, "local")
        if manifest is not None:
            check_publication(store, manifest)
        return manifest

    def stored_manifest(self) -> bytes:
        """Return the manifest as it is stored."""
        body: bytes = self.s3.client().get_object(Bucket=project.BUCKET, Key=MANIFEST)["Body"].read()
        return body

    def store_manifest(self, body: bytes) -> None:
        """Do what the publication of another Airflow does last."""
        self.s3.client().put_object(Bucket=project.BUCKET, Key=MANIFEST, Body=body)

    def published(self) -> str:
        """Name the run whose whole publication readers see; empty for none."""
        manifest = self.manifest()
        return next((name for name, run in self.runs.items() if manifest and run == manifest.run_id), "")

    def open_uploads(self) -> int:
        return len(self.s3.client().list_multipart_uploads(Bucket=project.BUCKET).get("Uploads", []))

    def locks(self) -> list[tuple[Any, ...]]:
        return self.query("select run_id from report_oibl.aggregator_claims")

    def kept_days(self) -> list[str]:
        days = "select business_date::text from report_oibl.history_bookkeeper_results order by 1"
        return [day for (day,) in self.query(days)]

    def hold(self) -> None:
        self.query("create table public.hold ()")

    def go_on(self) -> None:
        self.query("drop table public.hold")

    def holds(self) -> bool:
        slow = "select 1 from pg_stat_activity where application_name like 'bda:%020_holds' and state = 'active'"
        return bool(self.query(slow))

    def fails(self, name: str, fault: Fault) -> str:
        """Run with *fault* after init, so that the first task's check of the store passes. Return the run's state."""
        self.hold()
        self.trigger(name)
        wait_for(self.holds, "the script waits")
        before = self.callbacks()
        with self.s3.failing(fault):
            self.go_on()
            state = self.ended(name)
        wait_for(lambda: self.callbacks() > before, "the run's own callback has found the task's alert")
        return state

    def callbacks(self) -> int:
        """Return how many callbacks of failed runs the dag processor has run; it may be slow."""
        logs = (self.stack.home / "logs" / "dag_processor").rglob("*.log")
        return sum(log.read_text(encoding="utf-8").count('"run_failed"') for log in logs)

    def log(self, name: str, task: str, attempt: int = 1, index: int = -1) -> str:
        folder = self.stack.home / "logs" / f"dag_id={DAG}" / f"run_id={self.runs[name]}" / f"task_id={task}"
        folder = folder / f"map_index={index}" if index >= 0 else folder
        return (folder / f"attempt={attempt}.log").read_text(encoding="utf-8")
