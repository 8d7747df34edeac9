"""``airflow dags test`` typed by hand: no deadline breaks it, and each event sends one message there too."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from billing_aggregator.export.reader import check_publication, current_manifest
from billing_aggregator.export.store.factory import open_store
from billing_aggregator.local.s3 import ACCESS_KEY, SECRET_KEY
from billing_aggregator.local.warehouse import ROLE
from tests.conftest import ROOT
from tests.stack import project
from tests.stack.messages import steady
from tests.stack.project import dag_id
from tests.stack.sinks import MailSink, SlackSink, StatsdSink
from tests.stack.stack import STACK_PYTHON
from tests.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from billing_aggregator.local.s3 import LocalS3

pytestmark = pytest.mark.stack


def airflow(folder: Path, source: Path, variables: dict[str, str], *arguments: str) -> int:
    """Run a command of Airflow with its home and log in *folder* and the project in *source*; return its status."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "BDA_", "PYTHON"))}
    environment = clean | {
        "AIRFLOW_HOME": str(folder / "home"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(source / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(source / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600",  # on a busy machine
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/home/airflow.db",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    with (folder / "airflow.log").open("ab") as log:
        command = [STACK_PYTHON, "-m", "airflow", *arguments]
        return subprocess.run(
            command, env=environment | variables, stdout=log, stderr=log, check=False, timeout=PATIENCE_SECONDS
        ).returncode


def test_a_failure_and_the_recovery(
    postgres: EmbeddedPostgres, s3_server: LocalS3, bucket: str, tmp_path: Path
) -> None:
    with MailSink() as mail, SlackSink() as slack, StatsdSink() as statsd:
        source = project.write(tmp_path / "project", s3_server, bucket)
        variables = project.variables(postgres, s3_server, mail, slack, statsd)
        assert airflow(tmp_path, source, variables, "db", "migrate") == 0
        assert airflow(tmp_path, source, variables, "dags", "test", dag_id("failing")) == 1
        (failure,) = [steady(str(mail["Subject"])) for mail in mail.to("failing")]
        assert failure.startswith("[local] failing: billing run for 2026-11-20 failed in init / bookkeeper/020_bad_")
        with psycopg.connect(postgres.dsn("octopus_failing"), autocommit=True) as admin:
            admin.execute("create table public.fixed ()")
        assert airflow(tmp_path, source, variables, "dags", "test", dag_id("failing")) == 0
        subjects = [steady(str(mail["Subject"])) for mail in mail.to("failing")]
        assert subjects == [failure, "[local] failing: billing run for 2026-11-20 recovered"]


def test_the_sample_is_published_by_whatever_airflow_this_is(
    postgres: EmbeddedPostgres, new_warehouse: Callable[[], str], s3_server: LocalS3, bucket: str, tmp_path: Path
) -> None:
    """The repository's own DAG, scripts and clients, with the driver that this Airflow's provider takes."""
    name = new_warehouse()
    connection = {
        "conn_type": "postgres", "host": postgres.host, "port": postgres.port, "schema": name, "login": ROLE,
    }  # fmt: skip
    store = {"conn_type": "aws", "login": ACCESS_KEY, "password": SECRET_KEY, "extra": {"endpoint_url": s3_server.url}}
    variables = {
        "AIRFLOW_CONN_OCTOPUS_ENERCITY_LOCAL": json.dumps(connection),
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(store),
        "BDA_S3_BUCKET": bucket,
    }
    assert airflow(tmp_path, ROOT, variables, "db", "migrate") == 0
    arguments = ("dags", "test", dag_id("enercity"))
    assert airflow(tmp_path, ROOT, variables, *arguments) == 0, (tmp_path / "airflow.log").read_text()[-3000:]
    published = open_store(f"s3://{bucket}", s3_server.client)
    manifest = current_manifest(published, "enercity", "local")
    assert manifest is not None
    check_publication(published, manifest)
    (file,) = manifest.exports["customer/oibl"].files
    text = s3_server.client().get_object(Bucket=bucket, Key=file.key)["Body"].read().decode()
    expected = ROOT / "tests/golden/expected/expected_oibl_customer.csv"
    with expected.open(encoding="utf-8", newline="") as golden:
        assert sorted(csv.reader(io.StringIO(text, newline=""))) == sorted(csv.reader(golden))
