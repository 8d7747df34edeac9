"""The generated DAGs: their number, their graph, the rules for each of their tasks."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.dags.structure import describe

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.sdk import DAG

EXPECTED = ROOT / "tests/dags/expected"


@pytest.fixture(scope="module")
def dags() -> dict[str, DAG]:
    from airflow.dag_processing.dagbag import BundleDagBag

    folder = ROOT / "dags"
    bag = BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags-folder")
    assert not bag.import_errors
    # Those of the nights; tests/feeds has those of the feeds.
    return {name: dag for name, dag in bag.dags.items() if name.startswith("billing_data_aggregator_")}


@pytest.fixture(scope="module")
def entries() -> dict[str, dict[str, Any]]:
    """The clients file as plain data, read without the code under test."""
    content = yaml.safe_load((ROOT / "include/clients.yaml").read_text(encoding="utf-8"))
    return {
        f"billing_data_aggregator_{client}_{environment}": content["defaults"]
        | (content["environments"].get(environment) or {})
        | (entry or {})
        for client, environments in content["clients"].items()
        for environment, entry in environments.items()
    }


def test_one_dag_for_each_enabled_entry(dags: dict[str, DAG], entries: dict[str, dict[str, Any]]) -> None:
    assert sorted(dags) == sorted(name for name, entry in entries.items() if entry["enabled"])


def test_the_clients_that_must_be_there(entries: dict[str, dict[str, Any]]) -> None:
    scheduled = {name.removeprefix("billing_data_aggregator_"): entry["schedule"] for name, entry in entries.items()}
    assert scheduled == {
        "agency_local": None,
        "enercity_prod": "0 2 * * *",
        "enercity_stage": "0 2 * * *",
        "enercity_local": None,
        "lynqtech_dev": None,
        "lynqtech_playground": None,
        "q-cells_prod": "0 2 * * *",
        "q-cells_stage": "0 2 * * *",
        "purpur-energy_prod": "0 2 * * *",
        "purpur-energy_stage": "0 2 * * *",
        "webshop_local": None,
    }


def test_schedules_are_the_files(dags: dict[str, DAG], entries: dict[str, dict[str, Any]]) -> None:
    for name, dag in dags.items():
        timetable = dag.timetable
        assert getattr(timetable, "expression", None) == entries[name]["schedule"], name


@pytest.mark.parametrize("name", ["enercity_local", "q-cells_prod"])
def test_graph(dags: dict[str, DAG], name: str) -> None:
    """After an intended change, ``python -m tests.dags.structure <client> <environment>`` rewrites the text."""
    expected = (EXPECTED / f"{name}.txt").read_text(encoding="utf-8")
    assert describe(dags[f"billing_data_aggregator_{name}"]) == expected


def test_every_task_follows_the_rules(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        assert dag.max_active_runs == 1
        assert dag.max_active_tasks == 4
        assert dag.dagrun_timeout == timedelta(hours=2)
        assert dag.catchup is False
        for task in dag.tasks:
            place = f"{dag.dag_id}.{task.task_id}"
            assert task.owner == "billing", place
            assert task.execution_timeout is not None, place
            if task.retries:
                assert task.retries == 2, place
                assert task.retry_exponential_backoff, place


def test_the_phases_run_in_their_order(dags: dict[str, DAG]) -> None:
    """Nothing of a later phase starts before the earlier phases have ended."""
    order = ["start", "prechecks", "init", "audits", "release", "export", "publish", "history", "cleanup"]
    for dag in dags.values():
        for task in dag.tasks:
            phase = task.task_id.split(".")[0]
            if phase in order:
                for upstream in task.upstream_task_ids:
                    before = upstream.split(".")[0]
                    assert before not in order or order.index(before) <= order.index(phase), (task.task_id, upstream)


# Keys are sorted as Airflow sorts them before it compares versions of a DAG.
HASHES = """
import hashlib, json
from airflow.serialization.serialized_objects import DagSerialization
from billing_aggregator.config import load_clients
from billing_aggregator.dag.build import build_or_explain
for client in load_clients(environ={}):
    dag = build_or_explain(client)
    print(dag.dag_id, hashlib.sha256(json.dumps(DagSerialization.to_dict(dag), sort_keys=True).encode()).hexdigest())
"""


def test_the_same_input_serialises_to_the_same_bytes(tmp_path: Path) -> None:
    outputs = {serialised(seed, tmp_path) for seed in ("0", "1", "4711")}
    assert len(outputs) == 1
    assert outputs.pop().count("billing_data_aggregator_") == 11


def serialised(seed: str, home: Path) -> str:
    environment = {
        "PYTHONHASHSEED": seed,
        "PYTHONPATH": f"{ROOT / 'plugins'}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PATH": "/usr/bin:/bin",
    }
    done = subprocess.run([sys.executable, "-c", HASHES], env=environment, capture_output=True, text=True, check=True)
    return "\n".join(line for line in done.stdout.splitlines() if line.startswith("billing_data_aggregator_"))


def test_a_broken_entry_shows_its_error_and_takes_no_other_down(tmp_path: Path) -> None:
    from billing_aggregator.config import load_clients
    from billing_aggregator.dag.build import build_or_explain

    clients = (ROOT / "include/clients.yaml").read_text(encoding="utf-8")
    path = tmp_path / "clients.yaml"
    path.write_text(clients.replace("    local: {}", "    local: {max_rows_per_file: 0}"), encoding="utf-8")
    built = [build_or_explain(entry) for entry in load_clients(path, environ={})]
    broken = [dag for dag in built if dag is not None and "broken" in dag.tags]
    assert len(built) == 11
    assert [dag.dag_id for dag in broken] == ["billing_data_aggregator_enercity_local"]
    assert "max_rows_per_file" in str(broken[0].doc_md)


def test_a_system_without_scripts_is_refused(tmp_path: Path) -> None:
    from billing_aggregator.config import load_client
    from billing_aggregator.dag.build import build_or_explain

    (tmp_path / "init/bookkeeper").mkdir(parents=True)
    (tmp_path / "init/bookkeeper/100_a.sql").write_text("select 1;\n", encoding="utf-8")
    config = load_client("enercity", "local", environ={"BDA_SCRIPTS_DIR": str(tmp_path)})
    dag = build_or_explain(config)
    assert dag is not None
    assert "broken" in dag.tags
    assert "init/tripica: system tripica has no scripts here" in str(dag.doc_md)
