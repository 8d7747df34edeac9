"""Params of a run: the form of a manual trigger, and what they mean once a run has started."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from billing_aggregator.config.models import missing_dependency, ordered
from billing_aggregator.config.values import MAX_ROWS_PER_FILE

if TYPE_CHECKING:
    from airflow.sdk import Param

    from billing_aggregator.config import ClientConfig


class RunParamError(ValueError):
    """A run was triggered with params that do not fit together; the message says which and what to do."""


@dataclass(frozen=True)
class RunParams:
    """What a run is to do, resolved and checked.

    :param business_date: the day that the run is for, in the client's time zone.
    :param systems: the systems that run, in order.
    :param max_rows_per_file: rows in each file but the last.
    :param dry_run: count what would be exported, publish nothing.
    """

    business_date: date
    systems: tuple[str, ...]
    max_rows_per_file: int
    dry_run: bool


def declare_params(config: ClientConfig) -> dict[str, Param]:
    """Return the DAG's params: a form in the UI, checked by Airflow before a run is made."""
    from airflow.sdk import Param

    systems = list(ordered(config.systems, config.dependencies))
    choice: dict[str, Any] = {
        "type": "array",
        "items": {"type": "string", "enum": systems},
        "uniqueItems": True,
        "examples": systems,
    }
    return {
        "systems": Param(
            list(config.active_systems),
            title="Systems",
            description_md="Systems to rebuild and publish.",
            section="Scope",
            **choice,
        ),
        "ignore_systems": Param(
            [], title="Systems to leave out", description_md="Taken away from *Systems*.", section="Scope", **choice
        ),
        "business_date": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Business date",
            description_md=f"The day that the run is for ({config.timezone}). Empty: the day of the run.",
            section="Scope",
        ),
        "dry_run": Param(
            config.dry_run,
            type="boolean",
            title="Dry run",
            description_md="Rebuild and audit, count what would be exported, but publish nothing and keep no history.",
            section="Output",
        ),
        "max_rows_per_file": Param(
            config.max_rows_per_file,
            type="integer",
            minimum=1,
            maximum=MAX_ROWS_PER_FILE,
            title="Rows in a file",
            description_md="Each CSV file but the last holds this many rows.",
            section="Output",
        ),
    }


def resolve_params(config: ClientConfig, context: Any) -> RunParams:
    """Check the params of the run that *context* belongs to and return what they mean.

    :raises RunParamError: an unknown param, a system without the one it needs, no system, a date in the future.
    """
    params = dict(context["params"])
    unknown = sorted(set(context["dag_run"].conf or {}) - set(params))
    if unknown:
        raise RunParamError(f"unknown param {unknown[0]}; known: {', '.join(sorted(params))}")
    chosen = tuple(name for name in params["systems"] if name not in params["ignore_systems"])
    if not chosen:
        raise RunParamError("systems and ignore_systems leave nothing to run; choose a system")
    try:
        missing_dependency(chosen, config.dependencies)
    except ValueError as error:
        raise RunParamError(str(error)) from None
    return RunParams(
        business_date=_business_date(config, params["business_date"], context["dag_run"]),
        systems=tuple(ordered(chosen, config.dependencies)),
        max_rows_per_file=params["max_rows_per_file"],
        dry_run=params["dry_run"],
    )


def _business_date(config: ClientConfig, given: str | None, dag_run: Any) -> date:
    zone = ZoneInfo(config.timezone)
    if given is None:
        instant: datetime = dag_run.logical_date or dag_run.run_after
        return instant.astimezone(zone).date()
    chosen = date.fromisoformat(given)
    today = datetime.now(UTC).astimezone(zone).date()
    if chosen > today:
        raise RunParamError(f"business_date {chosen} is in the future; today is {today} in {config.timezone}")
    return chosen
