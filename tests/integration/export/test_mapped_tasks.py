"""Into how many tasks an export's files go, and how the task that plans refuses too many files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from billing_aggregator.operators.export_plan import ExportPlanOperator
from tests.integration.export.row_tables import fill

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.exporting import Lab


class Plan(ExportPlanOperator):
    """Plans in the laboratory's database and store."""

    lab: Lab

    def get_db_connection(self) -> Any:
        return self.lab.connect()

    def get_store(self, target: str, options: Any = None) -> Any:
        return self.lab.store


class Instance:
    """A task instance that keeps what is pushed."""

    try_number = 1

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def planned(lab: Lab, **arguments: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the units and what was pushed."""
    task = Plan(
        task_id="plan", export_name="small", table="public.small_rows", target=lab.target, client="enercity",
        environment="prod", business_date="2026-01-31", run_id="planned", **arguments,
    )  # fmt: skip
    task.lab = lab
    instance = Instance()
    context: Any = {"ti": instance}
    return task.execute(context), instance.pushed


@pytest.mark.parametrize(
    ("configured", "arguments", "units"),
    [
        (None, {}, [2] * 6 + [1] * 58),
        ("1024", {"chunks_per_task": 1}, [1] * 70),
        ("1024", {"chunks_per_task": 30}, [30, 30, 10]),
        ("7", {}, [10] * 7),
        ("7", {"chunks_per_task": 1}, [10] * 7),
        ("1", {}, [70]),
    ],
)
def test_never_more_tasks_than_airflow_is_configured_to_map(
    new_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch, configured: str | None, arguments: dict[str, Any],
    units: list[int],
) -> None:  # fmt: skip
    if configured:
        monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", configured)
    lab = new_lab(kind="file")
    fill(lab, 70)
    work, _ = planned(lab, max_rows_per_file=1, **arguments)
    assert sorted((len(unit["chunks"]) for unit in work), reverse=True) == units
    assert [index for unit in work for index in unit["chunks"]] == list(range(70))


def test_too_many_files_fail_the_task_at_its_first_try(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab()
    fill(lab, 10_001)
    with pytest.raises(AirflowFailException, match="10,001 files, an export has at most 10,000; set max_rows_per_file"):
        planned(lab, max_rows_per_file=1)
    assert lab.open_uploads() == []
