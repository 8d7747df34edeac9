"""``airflow dags test`` typed by hand: no deadline breaks it, and each event sends one message there too."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.stack import project
from tests.stack.messages import steady
from tests.stack.project import dag_id
from tests.stack.sinks import MailSink, SlackSink, StatsdSink
from tests.stack.stack import STACK_PYTHON
from tests.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from billing_aggregator.local.s3 import LocalS3

pytestmark = pytest.mark.stack


def test_a_failure_and_the_recovery(
    postgres: EmbeddedPostgres, s3_server: LocalS3, bucket: str, tmp_path: Path
) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "BDA_", "PYTHON"))}
    with MailSink() as mail, SlackSink() as slack, StatsdSink() as statsd:
        folder = project.write(tmp_path / "project", s3_server, bucket)
        home = tmp_path / "home"
        environment = clean | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(folder / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        environment |= project.variables(postgres, s3_server, mail, slack, statsd)

        def airflow(*arguments: str) -> int:
            with (tmp_path / "airflow.log").open("ab") as log:
                command = [STACK_PYTHON, "-m", "airflow", *arguments]
                return subprocess.run(
                    command, env=environment, stdout=log, stderr=log, check=False, timeout=PATIENCE_SECONDS
                ).returncode

        assert airflow("db", "migrate") == 0
        assert airflow("dags", "test", dag_id("failing")) == 1
        (failure,) = [steady(str(mail["Subject"])) for mail in mail.to("failing")]
        assert failure.startswith("[local] failing: billing run for 2026-11-20 failed in init / bookkeeper/020_bad_")
        with psycopg.connect(postgres.dsn("octopus_failing"), autocommit=True) as admin:
            admin.execute("create table public.fixed ()")
        assert airflow("dags", "test", dag_id("failing")) == 0
        subjects = [steady(str(mail["Subject"])) for mail in mail.to("failing")]
        assert subjects == [failure, "[local] failing: billing run for 2026-11-20 recovered"]
        assert [steady(post["text"]) for post in slack.to("failing")] == subjects
