"""A client, its runs and tasks as the alerts see them, and views of what was sent."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from billing_aggregator.alerts.run_facts import RunFacts
from billing_aggregator.config import Alerts, ClientConfig
from billing_aggregator.runs import Run, RunSummary
from billing_aggregator.runs.summary import ExportFigures

if TYPE_CHECKING:
    from billing_aggregator.alerts.events import Event

CONFIG = ClientConfig(
    client="enercity",
    environment="prod",
    s3_bucket="bucket",
    alerts=Alerts(email=("ops@example.com",), slack=True, runbook_url="https://docs.example.com/runbook"),
)
START = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
RUN = RunFacts(
    dag_id=CONFIG.dag_id, run_id="scheduled__1", attempt="scheduled__1", business_date="2026-11-20", due_from=START,
    started=START, dry_run=False, url="https://airflow.example.com/run",
)  # fmt: skip


class Variables:
    """Airflow's Variables in memory; *broken* makes them unreachable."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.broken = False

    def get(self, key: str, default: Any = None) -> Any:
        self._reach()
        return self.values.get(key, default)

    def set(self, key: str, value: str, description: str | None = None) -> None:
        self._reach()
        self.values[key] = value

    def delete(self, key: str) -> None:
        self._reach()
        self.values.pop(key, None)

    def _reach(self) -> None:
        if self.broken:
            raise ConnectionError("Airflow's database cannot be reached")


def context(run_id: str = "scheduled__1", task: str = "init.tripica.500_open_items", **more: Any) -> dict[str, Any]:
    ti = SimpleNamespace(
        run_id=run_id, task_id=task, try_number=more.pop("try_number", 3), log_url="https://airflow/log",
        xcom_pull=lambda **_: more.get("stored"),
    )  # fmt: skip
    dag_run = SimpleNamespace(conf={}, logical_date=START, run_after=START, start_date=more.pop("start", START))
    operator = SimpleNamespace(client_config=more.pop("config", CONFIG), retries=2, killed=more.pop("killed", False))
    return {
        "ti": ti,
        "run_id": run_id,
        "dag_run": dag_run,
        "task": operator,
        "exception": ValueError("it broke"),
        **more,
    }


def summary(run_id: str = "scheduled__1", **more: Any) -> RunSummary:
    run = Run(CONFIG.client, CONFIG.environment, "airflow#1", CONFIG.dag_id, run_id)
    figures = ExportFigures("tripica_results", rows=7, files=2, bytes=99, totals={})
    given: dict[str, Any] = {"business_date": "2026-11-20", "dry_run": False, "state": "success", "exports": (figures,)}
    return RunSummary(run=run, started_at=START, ended_at=START, **(given | more))


def kinds(sent: list[Event]) -> list[str]:
    return [event.kind for event in sent]


def value(event: Event, label: str) -> str:
    return next(fact.value for fact in event.facts if fact.label == label)


def as_json(config: ClientConfig) -> dict[str, Any]:
    """Return the configuration as the triggerer gets it: without defaults."""
    return config.model_dump(mode="json", exclude_unset=True)
