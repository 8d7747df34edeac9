"""What the tasks that plan a run's exports have pushed: a plan each or, in a dry run, what would be published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing_aggregator.export.plan.export_plan import ExportPlan
from billing_aggregator.runs.airflow_names import DRY_RUN_KEY, PLAN_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow.sdk.definitions.context import Context


def pull_plans(context: Context, tasks: Sequence[str]) -> list[ExportPlan]:
    """Return the plans that *tasks* have pushed; none of a task that was skipped, has failed, or made a dry run.

    Pulled here and not by XComArg: Airflow refuses an XComArg of a key that its task has not pushed.
    """
    return [ExportPlan.from_json(plan) for plan in pull(context, tasks, PLAN_KEY)]


def pull_dry_runs(context: Context, tasks: Sequence[str]) -> list[dict[str, Any]]:
    """Return what *tasks* would have exported: :class:`billing_aggregator.export.dry_run.DryRun` as plain values."""
    return list(pull(context, tasks, DRY_RUN_KEY))


def place_of(plans: Sequence[ExportPlan]) -> tuple[str, str]:
    """Return target and prefix of the run that *plans* belong to, for the link; both are empty without any plan."""
    return (plans[0].run.target, plans[0].run.prefix) if plans else ("", "")


def flat(values: Any) -> Iterator[dict[str, Any]]:
    """Yield the dictionaries in nested lists and lazy sequences of XComs; a mapped task has one for each index."""
    if isinstance(values, dict):
        yield values
    elif values is not None:
        for value in values:
            yield from flat(value)


def pull(context: Context, tasks: Sequence[str], key: str) -> Iterator[dict[str, Any]]:
    """Yield the dictionaries that *tasks* have pushed as *key*; a task that has pushed none is passed over."""
    for task in tasks:
        yield from flat(context["ti"].xcom_pull(task_ids=task, key=key))
