"""A nightly run as the features see it: a warehouse, a bucket, a folder of scripts, and the DAG that Airflow runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import psycopg

from billing_aggregator.export.reader import current_manifest, read_csv
from billing_aggregator.export.store.factory import open_store
from billing_aggregator.local.s3 import ACCESS_KEY, SECRET_KEY
from tests.conftest import ROOT
from tests.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    from billing_aggregator.export.manifest import Manifest
    from billing_aggregator.local.postgres import EmbeddedPostgres
    from billing_aggregator.local.s3 import LocalS3

RESULT = "RESULT "
ROLE = "billing_aggregator"
RELEASE = """
drop table if exists report_oibl.{system}_results;
alter table report_oibl.new_{system}_results rename to {system}_results;
"""
SMALL_SCRIPTS = {
    "prechecks/bookkeeper/100_quelle.sql": "-- fail: the vault has bookings\nselect 1 as grund where not exists"
    " (select from bookkeeper_vault.journal_entries)\n",
    "init/bookkeeper/010_schema.sql": "create schema if not exists report_oibl;\n",
    "init/bookkeeper/020_liste.sql": "drop table if exists report_oibl.new_bookkeeper_results, report_oibl.zwischen;\n"
    "create table report_oibl.zwischen as select g from generate_series(1, 120) g;\n"
    "create table report_oibl.new_bookkeeper_results as\n"
    "select g as nummer, 10.00::numeric(14, 2) as betrag from report_oibl.zwischen order by g;\n",
    "init/tripica/010_liste.sql": "drop table if exists report_oibl.new_tripica_results;\n"
    "create table report_oibl.new_tripica_results as\n"
    "select nummer, betrag * 2 as betrag from report_oibl.new_bookkeeper_results order by nummer;\n",
    "audits/bookkeeper/100_summe.sql": "-- fail: every booking is 10 euros\n"
    "select nummer from report_oibl.new_bookkeeper_results where betrag <> 10\n",
    "release/bookkeeper/010_freigabe.sql": RELEASE.format(system="bookkeeper"),
    "release/tripica/010_freigabe.sql": RELEASE.format(system="tripica"),
    "history/bookkeeper/010_tag.sql": "create table if not exists report_oibl.history_bookkeeper_results (tag text);\n"
    "insert into report_oibl.history_bookkeeper_results values (current_setting('bda.business_date'));\n",
    "cleanup/bookkeeper/010_aufraeumen.sql": "drop table if exists report_oibl.zwischen;\n",
    "archive/customer/oibl.sql": "-- system: tripica\nselect nummer, betrag from report_oibl.tripica_results\n",
}


class Nightly:
    """The process that runs DAGs; it is started at the first run and serves all of a session's features."""

    def __init__(self, home: Path, environment: dict[str, str] | None = None) -> None:
        self._home = home
        self._more = environment or {}
        self.log = home / "airflow.log"
        self._process: subprocess.Popen[str] | None = None

    def run(
        self, variables: dict[str, str], conf: dict[str, Any], dag: str = "billing_data_aggregator_"
    ) -> tuple[dict[str, Any], str]:
        """Return the result, and everything that Airflow printed.

        :param dag: what the DAG's id begins with: a client with feeds has more than its night.
        """
        process = self._process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"variables": variables, "conf": conf, "dag": dag}) + "\n")
        process.stdin.flush()
        lines: list[str] = []
        for line in process.stdout:
            if line.startswith(RESULT):
                result: dict[str, Any] = json.loads(line.removeprefix(RESULT))
                return result, "".join(lines)
            lines.append(line)
        raise AssertionError(f"the process ended with {process.wait()}:\n{''.join(lines)[-4000:]}")

    def close(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait(PATIENCE_SECONDS)
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()

    def _start(self) -> subprocess.Popen[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("BDA_", "AIRFLOW"))}
        own = {
            "AIRFLOW_HOME": str(self._home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            # However slow this machine is.
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": str(PATIENCE_SECONDS),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self._home}/airflow.db",
            "PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}",
            "PYTHONWARNINGS": "ignore",
        }
        return subprocess.Popen(
            [sys.executable, "-m", "tests.features.nightly_child"],
            env=clean | own | self._more,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@dataclass
class Nachtlauf:
    """The nights of one client: their database and bucket, and the result of the last one."""

    nightly: Nightly
    postgres: EmbeddedPostgres
    s3: LocalS3
    database: str
    bucket: str
    variables: dict[str, str] = field(default_factory=dict)
    conf: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    log: str = ""
    manifests: list[Manifest | None] = field(default_factory=list)
    files: list[dict[str, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.variables = {
            "BDA_CLIENT_ID": "enercity",
            "BDA_ENVIRONMENT": "local",
            "BDA_DB_HOST": self.postgres.host,
            "BDA_DB_PORT": str(self.postgres.port),
            "BDA_DB_NAME": self.database,
            "BDA_S3_URL": self.s3.url,
            "BDA_S3_BUCKET": self.bucket,
            "BDA_S3_ACCESS_KEY": ACCESS_KEY,
            "BDA_S3_SECRET_ACCESS_KEY": SECRET_KEY,
        } | self.variables

    def small_scripts(self, folder: Path, **changed: str) -> Self:
        """Let the run use a small set of scripts instead of the project's."""
        for name, text in (SMALL_SCRIPTS | changed).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.variables["BDA_SCRIPTS_DIR"] = str(folder)
        return self

    def run(self, **conf: Any) -> None:
        """Run the DAG once, and keep what is published afterwards."""
        self.result, self.log = self.nightly.run(self.variables, self.conf | conf)
        store = open_store(f"s3://{self.bucket}", self.s3.client)
        manifest = current_manifest(store, "enercity", "local")
        self.manifests.append(manifest)
        contents: dict[str, bytes] = {}
        for export in manifest.exports.values() if manifest else ():
            for file in export.files:
                contents[file.key] = read_csv(store, export, file)
        self.files.append(contents)

    @property
    def state(self) -> str:
        return str(self.result["state"])

    def states(self, phase: str, system: str = "") -> set[str]:
        """Return the states of a phase's tasks."""
        start = f"{phase}.{system}" if system else f"{phase}."
        return {state for task, state in self.result["tasks"].items() if task.startswith(start)}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.postgres.dsn(self.database)) as connection:
            return connection.execute(query).fetchall()

    def sessions(self) -> int:
        """Return how many sessions of the aggregator's role the database has."""
        query = f"select count(*) from pg_stat_activity where usename = '{ROLE}' and datname = '{self.database}'"
        return int(self.rows(query)[0][0])
