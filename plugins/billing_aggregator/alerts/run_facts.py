"""What a message says about a run, gathered from whatever context Airflow gives a callback; never raises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import structlog

from billing_aggregator.errors.text import first_line
from billing_aggregator.export.reader import client_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing_aggregator.config import ClientConfig

# Airflow's types of runs that a person starts.
BY_HAND = ("manual", "backfill")
# Begin the line about a run that is not published: one that has ended, and one that is still running.
NOTHING = "nothing was published"
NOT_YET = "not published yet"

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class RunFacts:
    """What is known about a run without asking its tasks.

    :param attempt: the run id with its start: it changes when a run is cleared and starts again.
    :param due_from: the scheduled start, or for a run that a person started, when they did (UTC).
    :param started: when this attempt started.
    """

    dag_id: str
    run_id: str
    attempt: str
    business_date: str
    due_from: datetime
    started: datetime | None
    dry_run: bool
    url: str


def run_facts(config: ClientConfig, dag_run: Any, run_id: str) -> RunFacts:
    """Return the facts of *dag_run*: an object, a mapping (in the triggerer), or None where Airflow gives nothing."""
    conf = dict(_field(dag_run, "conf") or {})
    run_after = as_utc(_field(dag_run, "run_after"))
    instant = as_utc(_field(dag_run, "logical_date")) or run_after or datetime.now(UTC)
    started = as_utc(_field(dag_run, "start_date"))
    day = conf.get("business_date") or instant.astimezone(ZoneInfo(config.timezone)).date().isoformat()
    return RunFacts(
        dag_id=config.dag_id,
        run_id=run_id,
        attempt=f"{run_id} {started.isoformat() if started else ''}",
        business_date=str(day),
        due_from=_due_from(dag_run, run_after or instant, started),
        started=started,
        dry_run=bool(conf.get("dry_run", config.dry_run)),
        url=f"{base_url()}/dags/{config.dag_id}/runs/{quote(run_id)}",
    )


def _due_from(dag_run: Any, run_after: datetime, started: datetime | None) -> datetime:
    """Return the time from which the deadline counts.

    Airflow dates a backfill, and a manual run for an earlier day, back to that day: they would always be late.
    """
    kind = _field(dag_run, "run_type")
    if str(getattr(kind, "value", kind)) not in BY_HAND:
        return run_after
    begun = as_utc(_field(dag_run, "queued_at")) or started
    return max(run_after, begun) if begun else run_after


def base_url() -> str:
    """Return the address of Airflow's web pages, without a slash at its end."""
    from airflow.configuration import conf

    return str(conf.get("api", "base_url", fallback="http://localhost:8080")).rstrip("/")


def impact(config: ClientConfig, run_id: str, unpublished: str = NOTHING) -> str:
    """Return one line: whether the run is published, and which list readers see now."""
    manifest = read_manifest(config)
    if isinstance(manifest, str):
        return f"unknown, for the manifest cannot be read ({manifest})"
    if manifest is None:
        return f"{unpublished}; readers have no list so far"
    when = manifest.get("published_at") or "an unknown time"
    day = manifest.get("business_date")
    seen = f"the list of {day}" if day else "a list"
    if manifest.get("run_id") == run_id:
        return f"published at {when}; readers see {seen}"
    return f"{unpublished}; readers still see {seen}, published by run {manifest.get('run_id')} at {when}"


def published_at(config: ClientConfig, run_id: str) -> datetime | None:
    """Return when *run_id* was published; None when it was not, or that is unknown."""
    manifest = read_manifest(config)
    if not isinstance(manifest, dict) or manifest.get("run_id") != run_id:
        return None
    return as_utc(manifest.get("published_at"))


def read_manifest(config: ClientConfig) -> Mapping[str, Any] | str | None:
    """Return the published manifest, None when there is none, or one line why it cannot be read.

    Takes half a minute at most: S3 is asked once.
    """
    try:
        manifest = client_manifest(config, quick=True)
    except Exception as error:  # S3, its credentials, the network, the file: the message is sent anyway
        return first_line(error)
    return manifest.to_json() if manifest else None


def _field(dag_run: Any, name: str) -> Any:
    return dag_run.get(name) if isinstance(dag_run, dict) else getattr(dag_run, name, None)


def as_utc(value: Any) -> datetime | None:
    """Return a UTC time from a time or ISO text; None from anything else."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
