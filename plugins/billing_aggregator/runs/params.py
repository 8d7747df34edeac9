"""Params of a run: the form of a manual trigger, and what they mean once a run has started."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, ValidationError

from billing_aggregator.config.errors import describe, suggestion
from billing_aggregator.config.limits import MOST_FILES
from billing_aggregator.config.models import check_choice, ordered
from billing_aggregator.config.values import MAX_ROWS_PER_FILE, IsoDate, Model, SystemName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Param

    from billing_aggregator.config import ClientConfig

FIRST_DATE = date(2000, 1, 1)


class RunParamError(ValueError):
    """A run was triggered with params that cannot be right or do not fit together; the message says which and why."""


class RunRequest(Model):
    """The params as a run has them, of the right kind but not yet seen together."""

    model_config = ConfigDict(strict=True)

    systems: list[SystemName]
    ignore_systems: list[SystemName]
    business_date: IsoDate | None
    dry_run: bool
    max_rows_per_file: int = Field(ge=1, le=MAX_ROWS_PER_FILE)


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
    """Return the DAG's params: a form in the UI, checked by Airflow before a run is made.

    :raises ParamValidationError: a default is not what its schema says.
    """
    default = default_params(config)
    declared = {name: {"default": default[name], **what} for name, what in (_scope(config) | _output()).items()}
    _validate(json.dumps(declared))
    return _as_params(declared)


@cache
def _validate(declared: str) -> None:
    """Validate the defaults of params that are the same for many clients once in a process: it takes milliseconds."""
    for param in _as_params(json.loads(declared)).values():
        param.resolve()


def _as_params(declared: Mapping[str, Mapping[str, Any]]) -> dict[str, Param]:
    from airflow.sdk import Param

    return {name: Param(**what) for name, what in declared.items()}


def _scope(config: ClientConfig) -> dict[str, dict[str, Any]]:
    """Return the params that say which systems run and for which day."""
    systems = list(ordered(config.systems, config.dependencies))
    choice: dict[str, Any] = {
        "type": "array",
        "items": {"type": "string", "enum": systems},
        "uniqueItems": True,
        "examples": systems,
        "section": "Scope",
    }
    needs = [
        f"{name} needs {', '.join(config.dependencies[name])}" for name in systems if config.dependencies.get(name)
    ]
    together = f" {'; '.join(needs)}." if needs else ""
    rebuilt = f"Systems to rebuild and publish; tasks of the others are skipped.{together}"
    left_out = "Taken away from *Systems*; their tasks are skipped."
    return {
        "systems": choice | {"title": "Systems", "description_md": rebuilt},
        "ignore_systems": choice | {"title": "Systems to leave out", "description_md": left_out},
        "business_date": {
            "type": ["null", "string"],
            "format": "date",
            "title": "Business date",
            "description_md": f"The day that the run is for, {FIRST_DATE} to today ({config.timezone}). "
            "Empty: the day of the run.",
            "section": "Scope",
        },
    }


def _output() -> dict[str, dict[str, Any]]:
    """Return the params that say what a run publishes."""
    return {
        "dry_run": {
            "type": "boolean",
            "title": "Dry run",
            "description_md": "Rebuild and audit, count what would be exported, but publish nothing and keep no "
            "history.",
            "section": "Output",
        },
        "max_rows_per_file": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_ROWS_PER_FILE,
            "title": "Rows in a file",
            "description_md": f"Each CSV file but the last holds this many rows: 1 to {MAX_ROWS_PER_FILE:,}. "
            f"An export has at most {MOST_FILES:,} files.",
            "section": "Output",
        },
    }


def default_params(config: ClientConfig) -> dict[str, Any]:
    """Return the values of a run that gives no params."""
    return {
        "systems": list(config.active_systems),
        "ignore_systems": [],
        "business_date": None,
        "dry_run": config.dry_run,
        "max_rows_per_file": config.max_rows_per_file,
    }


def resolve_params(config: ClientConfig, context: Any, *, begins: bool = True) -> RunParams:
    """Check the params of the run that *context* belongs to and return what they mean.

    :param begins: the run begins now, so its day has come. Later the clock of another worker is not asked: it may be
        wrong, and the run's first task has checked the day.
    :raises RunParamError: an unknown param, a wrong value, a system without the one it needs, no system, a date in the
        future.
    """
    dag_run = context["dag_run"]
    params = dict(context["params"])
    request = _request(params, dag_run.conf or {}, default_params(config))
    for name, systems in (("systems", request.systems), ("ignore_systems", request.ignore_systems)):
        unknown = [system for system in systems if system not in config.systems]
        if unknown:
            raise RunParamError(
                f"{name}: {config.client}/{config.environment} has no system {unknown[0]}; it has: "
                f"{', '.join(config.systems)}"
            )
    try:
        chosen = check_choice(tuple(dict.fromkeys(request.systems)), tuple(request.ignore_systems), config.dependencies)
    except ValueError as error:
        raise RunParamError(
            f"systems = {','.join(request.systems)!r}, ignore_systems = {','.join(request.ignore_systems)!r}: {error}"
        ) from None
    return RunParams(
        business_date=_business_date(config, request.business_date, dag_run, begins=begins),
        systems=chosen,
        max_rows_per_file=request.max_rows_per_file,
        dry_run=request.dry_run,
    )


def chosen_date(context: Any) -> bool:
    """Return whether somebody has chosen the business date of the run that *context* belongs to."""
    return dict(context["params"]).get("business_date") is not None


def _request(params: Mapping[str, Any], conf: Mapping[str, Any], declared: Mapping[str, Any]) -> RunRequest:
    # Airflow adds every key of the conf to the params, whether the DAG declares it or not.
    unknown = sorted((set(conf) | set(params)) - set(declared))
    problems = [f"unknown param {name}{suggestion(name, declared)}" for name in unknown]
    own = {name: value for name, value in params.items() if name in RunRequest.model_fields}
    try:
        request = RunRequest.model_validate(own)
    except ValidationError as error:
        problems += describe(error, RunRequest, lambda location: f"param {'.'.join(map(str, location))}")
    if problems:
        raise RunParamError("; ".join(problems))
    return request


def _business_date(config: ClientConfig, given: str | None, dag_run: Any, *, begins: bool) -> date:
    """Return the day that the run is for: the param, else the day of the run. One check for both."""
    zone = ZoneInfo(config.timezone)
    if given is None:
        instant: datetime = dag_run.logical_date or dag_run.run_after
        chosen = instant.astimezone(zone).date()
        source = f"the run's logical date {instant.isoformat()}"
    else:
        source = f"param business_date = {given!r}"
        try:
            chosen = date.fromisoformat(given)
        except ValueError:
            raise RunParamError(f"{source}: there is no such day") from None
    today = datetime.now(UTC).astimezone(zone).date()
    if begins and not FIRST_DATE <= chosen <= today:
        raise RunParamError(
            f"{source}: must be a day from {FIRST_DATE} to today, which is {today} in {config.timezone}"
        )
    return chosen
