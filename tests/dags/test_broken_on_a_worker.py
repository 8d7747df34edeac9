"""A file that is broken when a worker runs a task fails that task alone, with one line of explanation."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from billing_aggregator.config import load_client
from billing_aggregator.dag.build import build_or_explain
from tests.dags.breaking import bytes_of, replaced
from tests.dags.entries import ADDED, QUERY, SCRIPT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.sdk import DAG


@pytest.fixture(autouse=True)
def _outside_of_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.bases.operator import ExecutorSafeguard

    monkeypatch.setattr(ExecutorSafeguard, "test_mode", True)


VANISHING: dict[str, Callable[[Path], object]] = {
    "removed": lambda path: path.unlink(),
    "Latin-1": bytes_of(b"\xe4"),
    "emptied": bytes_of(b"-- nothing\n"),
    "folder": replaced(lambda path: path.mkdir()),
}


@pytest.mark.parametrize("name", VANISHING)
@pytest.mark.parametrize(
    ("file", "task_id"), [(ADDED, "init.tripica.030_d"), (QUERY, "export.customer_oibl.plan")], ids=["script", "query"]
)
def test_a_file_that_breaks_after_the_dag_was_built_fails_its_task_in_one_line(
    sql: Path, name: str, file: str, task_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from billing_aggregator.operators.run_aware import RunAwareOperator

    monkeypatch.setattr(RunAwareOperator, "heartbeats", False)
    monkeypatch.setattr(RunAwareOperator, "bind_log", lambda *_: None)
    monkeypatch.setattr(RunAwareOperator, "warehouse_hook", lambda *_: SimpleNamespace())
    (sql / ADDED).write_text("select 1;\n", encoding="utf-8")
    config = load_client("two", "prod")
    dag = build_or_explain(config)
    assert dag is not None
    VANISHING[name](sql / file)
    task: Any = dag.task_dict[task_id]
    assert file in fails(task, dag)
    # A worker builds the DAG again for each task, and the file may be missing by then.
    for wanted in (task_id, "init.bookkeeper.010_a"):
        rebuilt = build_or_explain(config, wanted)
        assert rebuilt is not None
        assert wanted in rebuilt.task_dict
        if wanted == task_id:
            said = fails(rebuilt.task_dict[wanted], rebuilt)
            assert wanted in said or file in said
        else:
            assert "broken" not in rebuilt.tags, rebuilt.doc_md


@pytest.mark.parametrize(
    ("added", "stopped"),
    [
        ("init/tripica/mistake.sql", {"init.tripica.010_b"}),
        ("prechecks/tripica", {"prechecks.tripica.100_x"}),
        ("archive/customer/MISTAKE.sql", {"export.customer_oibl.plan", "publish.publish"}),
        ("export/tripica/010_a.sql", set()),
    ],
)
def test_a_worker_is_stopped_only_by_names_that_decide_what_its_task_is(
    sql: Path, added: str, stopped: set[str]
) -> None:
    """A client's script replaces another one by its name, and what is published is the whole list of exports."""
    config = load_client("two", "prod")
    (sql / added).parent.mkdir(parents=True, exist_ok=True)
    (sql / added).write_bytes(b"select 1;")
    whole = build_or_explain(config)
    assert whole is not None
    assert "broken" in whole.tags
    tasks = {"init.bookkeeper.010_a", "init.tripica.010_b", "export.customer_oibl.plan", "publish.publish"}
    for task_id in tasks | stopped:
        dag = build_or_explain(config, task_id)
        assert dag is not None
        assert ("broken" in dag.tags) == (task_id in stopped), (task_id, dag.doc_md)
        if task_id in stopped:
            assert added in str(dag.doc_md)


def test_the_task_of_a_broken_dag_reports_the_same_on_a_worker(sql: Path) -> None:
    (sql / SCRIPT).write_bytes(b"\xe4")
    config = load_client("two", "prod")
    for fixed, reason in ((False, "010_b.sql, line 1: byte 0 is not UTF-8"), (True, "has been fixed since")):
        if fixed:
            (sql / SCRIPT).write_bytes(b"select 1")
        dag = build_or_explain(config, "configuration_error")
        assert dag is not None
        assert reason in fails(dag.task_dict["configuration_error"], dag)


def fails(task: Any, dag: DAG) -> str:
    """Run *task* as a worker does; return its error, one line that is never retried."""
    context: Any = {
        "run_id": "r",
        "ti": SimpleNamespace(xcom_pull=lambda **_: None, xcom_push=lambda **_: None),
        "dag_run": SimpleNamespace(conf={}, logical_date=None, run_after=dag.start_date),
        "params": {
            "systems": ["bookkeeper", "tripica"],
            "ignore_systems": [],
            "business_date": None,
            "dry_run": False,
            "max_rows_per_file": 1,
        },
    }
    task.render_template_fields(context, dag.get_template_env())
    with pytest.raises(AirflowFailException) as failure:
        task.execute(context)
    assert len(str(failure.value).splitlines()) == 1
    return str(failure.value)
