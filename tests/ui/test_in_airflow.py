"""The page within Airflow's API server: its auth manager decides who sees which client, and who downloads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from billing_aggregator.local.postgres import EmbeddedPostgres
from billing_aggregator.local.warehouse import DATABASE, ROLE, create_octopus
from billing_aggregator.runs.identity import Run
from billing_aggregator.runs.run_records import ensure_tables, record_end, record_publication, record_start
from billing_aggregator.runs.summary import summarise
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

RUN = Run("enercity", "local", "airflow#1", "billing_data_aggregator_enercity_local", "one")
FILE = {"key": "enercity/local/list_0000.csv", "version_id": None, "rows": 3, "bytes": 9, "sha256": "0" * 64}
EXPORT = {"rows": 3, "columns": ["amount"], "files": [FILE], "control_totals": {"amount": "6.00"}}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each user got."""
    home = tmp_path_factory.mktemp("airflow")
    with EmbeddedPostgres() as server:
        create_octopus(server)
        _one_run(server)
        order = {"port": server.port, "tag": RUN.tag}
        done = subprocess.run(
            [sys.executable, "-m", "tests.ui.api_server_child", json.dumps(order)],
            env=_environment(home), cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    assert lines, done.stdout[-2000:] + done.stderr[-4000:]
    found: dict[str, Any] = json.loads(lines[0].removeprefix("RESULT "))
    return found


def _one_run(server: EmbeddedPostgres) -> None:
    """Record a run of today, as the tasks do."""
    now = datetime.now(UTC)
    day = now.date().isoformat()
    results = {"publish.publish": {"exports": {"list": EXPORT}}}
    with psycopg.connect(server.dsn(DATABASE, ROLE)) as connection:
        ensure_tables(connection)
        record_start(connection, RUN, business_date=day, dry_run=False)
        record_publication(connection, RUN, {})
        summary = summarise(RUN, business_date=day, results=results, states={}, errors={}, started=now, ended=now)
        record_end(connection, summary)


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "BDA_"))}
    return kept | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__AUTH_MANAGER": "tests.ui.auth_manager.ByClient",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "enercity:user,enercity.looks:viewer,q-cells:user",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__API_AUTH__JWT_SECRET": "a-secret-for-this-test-only-0123456789",
        "AWS_ACCESS_KEY_ID": "of-this-test",
        "AWS_SECRET_ACCESS_KEY": "of-this-test-only",
        "BDA_ENVIRONMENT": "local",
        "PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}",
        "PYTHONWARNINGS": "ignore",
    }


def test_who_may_see_the_dag_sees_its_client(answers: dict[str, Any]) -> None:
    for user in ("enercity", "enercity.looks"):
        found = answers[user]
        assert (found["status"], found["sees"], found["run"]) == (200, ["enercity"], 200), found["why"]


def test_who_may_not_see_the_dag_does_not_see_its_client(answers: dict[str, Any]) -> None:
    other = answers["q-cells"]
    assert (other["status"], other["sees"], other["run"], other["file"]) == (200, [], 404, 404)


def test_who_has_not_logged_in_is_sent_to_airflows_login(answers: dict[str, Any]) -> None:
    nobody = answers[""]
    assert nobody["status"] == nobody["run"] == nobody["file"] == 303
    assert nobody["location"].startswith("/auth/login")
    assert "billing-publications" in nobody["location"]


def test_only_who_may_trigger_the_dag_downloads(answers: dict[str, Any]) -> None:
    assert answers["enercity"]["file"] == 303
    assert answers["enercity.looks"]["file"] == 403


def test_the_page_is_mounted_with_its_style_and_links_to_the_dag_run(answers: dict[str, Any]) -> None:
    found = answers["enercity"]
    assert found["style"] == 200
    assert found["links"]
    assert "default-src 'none'" in found["policy"]


def test_airflows_menu_has_the_page(answers: dict[str, Any]) -> None:
    (view,) = [view for view in answers["views"] if view["name"] == "Billing publications"]
    assert (view["href"], view["destination"], view["url_route"]) == ("/billing-publications/", "nav", None)
