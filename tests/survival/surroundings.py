"""What a night needs, what it has made, and what it may not leave behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any, Self

import psycopg

from billing_aggregator.export.reader import check_publication, current_manifest, read_csv
from billing_aggregator.export.store.factory import open_store
from billing_aggregator.local.s3 import ACCESS_KEY, SECRET_KEY
from billing_aggregator.local.warehouse import ROLE, create_octopus
from tests.conftest import ROOT
from tests.survival import small_night
from tests.survival.night_child import Order
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from billing_aggregator.export.manifest import Manifest
    from billing_aggregator.export.store.protocol import Store
    from billing_aggregator.local.postgres import EmbeddedPostgres
    from tests.faults.faulty_s3 import FaultyS3

ENVIRONMENT = "local"
SESSIONS = "select application_name, state, query from pg_stat_activity where application_name like 'bda:%' \
and datname = current_database()"
_numbers = count(1)


class Worker:
    """The process that forks attempts; see night_worker.py."""

    def __init__(self, folder: Path, server: EmbeddedPostgres, s3: FaultyS3) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "BDA_"))}
        connection = {"conn_type": "aws", "login": ACCESS_KEY, "password": SECRET_KEY}
        self.log = folder / "worker.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.survival.night_worker"],
                cwd=ROOT,
                env=clean
                | {
                    "AIRFLOW_HOME": str(folder / "airflow"),
                    "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
                    "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection | {"extra": {"endpoint_url": s3.url}}),
                    "PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}",
                    "PYTHONWARNINGS": "ignore",
                    # Each attempt makes the connection of its client from it.
                    "WAREHOUSE": f"{ROLE}@{server.host}:{server.port}",
                },
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def run(self, *orders: Order) -> list[int]:
        """Run the orders at the same time; return their exit codes."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"[{', '.join(order.to_json() for order in orders)}]\n")
        self._process.stdin.flush()
        answer: list[int] = json.loads(self._process.stdout.readline() or "[]")
        assert answer, self.log.read_text(errors="replace")[-3000:]
        return answer

    def close(self) -> None:
        self._process.communicate()


@dataclass
class Client:
    """One client: its warehouse, its prefix in the bucket, the folder of its runs.

    :param config: what its entry says beside the small night's.
    :param reader: another door to the same buckets, whose requests do not fail.
    """

    name: str
    server: EmbeddedPostgres
    s3: FaultyS3
    bucket: str
    folder: Path
    worker: Worker = field(default=None)  # type: ignore[assignment]  # a client of a whole Airflow needs none
    config: dict[str, Any] = field(default_factory=dict)
    reader: FaultyS3 | None = None

    @classmethod
    def make(
        cls, server: EmbeddedPostgres, s3: FaultyS3, bucket: str, folder: Path, worker: Worker, name: str = ""
    ) -> Self:
        """Create the client's database with an empty source."""
        name = name or f"client{next(_numbers)}"
        client = cls(name, server, s3, bucket, folder, worker)
        create_octopus(server, client.database)
        client.sql(small_night.SOURCE)
        if not (folder / "sql").exists():
            small_night.write(folder / "sql")
        return client

    @cached_property
    def store(self) -> Store:
        """The bucket."""
        return open_store(f"s3://{self.bucket}", (self.reader or self.s3).client)

    @property
    def database(self) -> str:
        return f"octopus_{self.name}"

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        """Run *text* as the server's superuser."""
        with psycopg.connect(self.server.dsn(self.database), autocommit=True) as connection:
            cursor = connection.execute(text)
            return cursor.fetchall() if cursor.description else []

    def order(self, run_id: str, moment: str = "2026-01-31T02:00:00+00:00", **changes: Any) -> Order:
        """Return an order of the client's night."""
        config = {
            "client": self.name,
            "environment": ENVIRONMENT,
            "systems": [small_night.SYSTEM],
            "dependencies": {small_night.SYSTEM: []},
            "db_conn_id": f"octopus_{self.name}_{ENVIRONMENT}",
            "s3_bucket": self.bucket,
            "s3_url": self.s3.url,
            "scripts_dir": str(self.folder / "sql"),
            "max_rows_per_file": small_night.ROWS_PER_FILE,
            "freshness_hours": 0,
            "task_timeout_minutes": 2,
        } | self.config
        kept = re.sub(r"[^\w.-]", "_", f"{self.name}-{run_id}")
        return replace(Order(str(self.folder / "runs" / kept), config, run_id, moment), **changes)

    def manifest(self, since: str = "") -> Manifest | None:
        """Return what is published now; raises where it is not whole.

        :param since: a run whose publication was found whole before: it is not read again.
        """
        manifest = current_manifest(self.store, self.name, ENVIRONMENT)
        if manifest is not None and manifest.run_id != since:
            check_publication(self.store, manifest)
        return manifest

    def errors(self, order: Order) -> str:
        """Return what went wrong in a run's attempts."""
        path = self.folder / "runs" / order.kept.rpartition("/")[2] / "errors"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def way_out(self, order: Order) -> str:
        """Return the phase whose tasks the last errors of a run say to clear; empty: those that have failed."""
        for line in reversed(self.errors(order).splitlines()[-3:]):
            if "clear this run's init tasks with everything downstream" in line:
                return "init"
            if "the export again" in line or "from its plans" in line:
                return "export"
        return ""

    def result(self) -> dict[str, Any]:
        """Return everything that a night makes, without what names the run or the time."""
        manifest = self.manifest()
        assert manifest is not None
        prefix = f"{self.name}/{ENVIRONMENT}/"
        files = {
            file.key.removeprefix(prefix): (file.rows, file.sha256, read_csv(self.store, export, file))
            for export in manifest.exports.values()
            for file in export.files
        }
        kept = [key for key in self.store.keys(prefix) if not key.rpartition("/")[2].startswith("_")]
        return {
            "business date": str(manifest.business_date),
            "files": files,
            "totals": {name: export.control_totals for name, export in manifest.exports.items()},
            "keys": sorted(key.removeprefix(prefix) for key in kept),
            "list": self.sql("table report_oibl.bookkeeper_results"),
            "history": self.history(),
            "books": self.sql("select * from books.posting order by 1, 2"),
            "tables": self.sql(
                "select relname from pg_class where relnamespace = 'report_oibl'::regnamespace "
                "and relkind in ('r', 'p', 'v') order by 1"
            ),
        }

    def history(self) -> list[tuple[Any, ...]]:
        """Return the rows that were kept of each business day."""
        return self.sql(
            "select business_date, row_no, id, account, amount, list_day from report_oibl.history_bookkeeper_results "
            "order by 1, 2"
        )

    def built(self) -> list[tuple[Any, ...]]:
        """Return the tables of the report schema, each with its stamp."""
        return self.sql(
            "select relname, obj_description(oid, 'pg_class') from pg_class "
            "where relnamespace = 'report_oibl'::regnamespace and relkind in ('r', 'p') order by 1"
        )

    def leftovers(self) -> Mapping[str, Any]:
        """Return what a run that has ended may not leave; sessions of killed processes end within seconds."""
        wait_for(lambda: not self.sql(SESSIONS), lambda: f"no session is left: {self.sql(SESSIONS)}")
        client = (self.reader or self.s3).client()
        uploads = client.list_multipart_uploads(Bucket=self.bucket, Prefix=f"{self.name}/").get("Uploads", [])
        lock = client.get_object(Bucket=self.bucket, Key=f"{self.name}/{ENVIRONMENT}/_publishing.json")["Body"].read()
        found = {
            "uploads": [upload["Key"] for upload in uploads],
            "locks": self.sql(f"select run_id from report_oibl.aggregator_claims where environment = '{ENVIRONMENT}'"),
            "publication lock": [] if json.loads(lock)["released"] else [lock],
            "frozen": self.sql("select relname from pg_class where relname like '%export%' and relkind = 'r'"),
            "running": self.sql("select run_id from report_oibl.aggregator_runs where state = 'running'"),
        }
        return {name: value for name, value in found.items() if value}
