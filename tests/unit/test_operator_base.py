"""What surrounds a task's work: once for each task, whatever its operator inherits from."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.sdk import BaseOperator
from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from billing_aggregator import operators
from billing_aggregator.config import ClientConfig
from billing_aggregator.errors.kinds import TerminalError
from billing_aggregator.operators.base import WorkOperator
from billing_aggregator.operators.broken_config import BrokenConfigOperator
from billing_aggregator.operators.client_exports import ClientExportOperator, ClientSweepOperator
from billing_aggregator.operators.run_aware import RunAwareOperator
from billing_aggregator.operators.sql_script import SqlScriptOperator
from billing_aggregator.operators.sweep_exports import SweepExportsOperator

CONFIG = ClientConfig(client="enercity", environment="local", s3_bucket="bucket")


def work(_self: Any, _context: Any) -> str:
    return "done"


class Inherits(ClientExportOperator):
    """Has its work from a class that knows of no run."""


class Calls(SqlScriptOperator):
    """Calls what it inherits."""

    def work(self, context: Any) -> Any:
        return super().work(context)


class BesideStock(RunAwareOperator, SQLExecuteQueryOperator):
    """Stands before a stock operator, which has an ``execute`` of its own."""

    def work(self, context: Any) -> Any:
        return work(self, context)


class Overrides(ClientSweepOperator):
    """Overrides ``execute`` all the same, against its type."""

    def execute(self, context: Any) -> Any:  # type: ignore[misc]  # final; the class is refused
        return super().execute(context)


@pytest.fixture
def around(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happens around a task's work."""
    seen: list[str] = []
    monkeypatch.setattr(RunAwareOperator, "bind_log", lambda *_: seen.append("log"))

    def acquire(*_: object) -> bool:
        seen.append("lock")
        return False

    monkeypatch.setattr(RunAwareOperator, "acquire_lock", acquire)
    for kind in (SqlScriptOperator, SweepExportsOperator, ClientExportOperator):
        monkeypatch.setattr(kind, "work", work)
    return seen


def run(task: Any, context: dict[str, Any] | None = None) -> Any:
    """Run *task* as Airflow's task runner does."""
    token = ExecutorSafeguard.tracker.set(task)
    try:
        return task.execute(context if context is not None else {})
    finally:
        ExecutorSafeguard.tracker.reset(token)


@pytest.mark.parametrize(
    ("operator", "more"),
    [
        (Inherits, {}),
        (Calls, {"sql": "init/a.sql"}),
        (BesideStock, {"sql": "select 1"}),
        (ClientSweepOperator, {}),
        (Overrides, {}),
    ],
)
def test_the_work_is_surrounded_once(
    around: list[str],
    operator: Any,
    more: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Also where Airflow looks whether an ``execute`` is called by anybody but its task runner."""
    monkeypatch.setattr(ExecutorSafeguard, "test_mode", False)
    task = operator(task_id="task", client_config=CONFIG, **more)
    assert run(task) == "done"
    assert around == ["log", "lock"]
    assert "outside of the Task Runner" not in caplog.text


def test_every_operator_has_the_one_execute() -> None:
    """Those of other files may be defined anywhere; ours are in this folder."""
    found: set[type[BaseOperator]] = set()
    for module in pkgutil.iter_modules(operators.__path__, f"{operators.__name__}."):
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(kind, BaseOperator) and kind.__module__ == module.name:
                found.add(kind)
    assert len(found) > 10
    assert {kind for kind in found if kind.execute is not WorkOperator.execute} == {BrokenConfigOperator}


class Fails(RunAwareOperator):
    """Fails as it is told."""

    error: Exception = Exception()

    def work(self, context: Any) -> Any:
        raise self.error


@pytest.mark.parametrize(
    ("error", "raised", "kept"),
    [
        (TerminalError("the sums do not agree"), AirflowFailException, "the sums do not agree"),
        (OSError("the line is down"), OSError, "the line is down"),
        (AirflowFailException("three rows violate it"), AirflowFailException, "three rows violate it"),
        (AirflowSkipException("there is nothing to do"), AirflowSkipException, None),
    ],
    ids=["terminal", "transient", "Airflow's own", "skipped"],
)
@pytest.mark.usefixtures("around")
def test_an_error_is_kept_and_fails_the_task_at_once_or_not(
    error: Exception, raised: type[Exception], kept: str | None
) -> None:
    pushed: dict[str, Any] = {}
    task = Fails(task_id="task", client_config=CONFIG)
    task.error = error
    with pytest.raises(raised, match=str(error)):
        run(task, {"ti": SimpleNamespace(xcom_push=lambda key, value: pushed.update({key: value}))})
    assert pushed.get("error") == kept
    assert not task.killed


def test_an_operator_without_work_says_so() -> None:
    task = WorkOperator(task_id="task")
    with pytest.raises(NotImplementedError, match="WorkOperator does not say what its work is"):
        run(task)
