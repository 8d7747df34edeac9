"""Gathers what a message tells of a run, from whatever context Airflow gives a callback; never fails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import structlog

from billing_aggregator.errors.text import first_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing_aggregator.config import ClientConfig

# Airflow's types of runs that a person starts.
BY_HAND = ("manual", "backfill")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class RunFacts:
    """What is known of a run without asking its tasks.

    :param attempt: the run id with its start: it changes when a run is cleared and starts again.
    :param due_from: the scheduled start; for a run that a person has started, that moment (UTC).
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
    conf = dict(_of(dag_run, "conf") or {})
    run_after = moment(_of(dag_run, "run_after"))
    instant = moment(_of(dag_run, "logical_date")) or run_after or datetime.now(UTC)
    started = moment(_of(dag_run, "start_date"))
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
    """Return from when the deadline counts.

    Airflow dates manual runs for an earlier day and backfills back to that day: nobody could be in time then.
    """
    kind = _of(dag_run, "run_type")
    if str(getattr(kind, "value", kind)) not in BY_HAND:
        return run_after
    begun = moment(_of(dag_run, "queued_at")) or started
    return max(run_after, begun) if begun else run_after


def base_url() -> str:
    """Return the address of Airflow's web pages, without a slash at its end."""
    from airflow.configuration import conf

    return str(conf.get("api", "base_url", fallback="http://localhost:8080")).rstrip("/")


def published(config: ClientConfig, run_id: str) -> str:
    """Return one line: what readers of the files see now, this run's files or which other run's."""
    manifest = read_manifest(config)
    if isinstance(manifest, str):
        return f"unknown: the manifest could not be read ({manifest})"
    if manifest is None:
        return "nothing of this run; nothing was published before"
    when = manifest.get("published_at") or "an unknown time"
    if manifest.get("run_id") == run_id:
        return f"this run, at {when}; its files are complete and current"
    day = manifest.get("business_date")
    of_day = f" of business date {day}" if day else ""
    return f"nothing of this run; run {manifest.get('run_id')}{of_day} is still current, published {when}"


def published_at(config: ClientConfig, run_id: str) -> datetime | None:
    """Return when *run_id* was published; None when it was not, or nobody can tell."""
    manifest = read_manifest(config)
    if not isinstance(manifest, dict) or manifest.get("run_id") != run_id:
        return None
    return moment(manifest.get("published_at"))


def read_manifest(config: ClientConfig) -> Mapping[str, Any] | str | None:
    """Return the published manifest, None when there is none, or one line why it cannot be read.

    Takes half a minute at most: S3 is asked once.
    """
    try:
        from billing_aggregator.export.reader import client_manifest

        manifest = client_manifest(config, quick=True)
    except Exception as error:  # S3, its credentials, the network, the file: a message must go out all the same
        return first_line(error)
    return manifest.to_json() if manifest else None


def _of(dag_run: Any, name: str) -> Any:
    return dag_run.get(name) if isinstance(dag_run, dict) else getattr(dag_run, name, None)


def moment(value: Any) -> datetime | None:
    """Return a time zone aware time from a time or ISO text."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
