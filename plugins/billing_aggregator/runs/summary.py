"""The figures of one run, from what its tasks returned: for the last task's XCom, the manifest and the runs table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from billing_aggregator.runs.identity import Run

FAILED_STATES = ("failed",)
PUBLISH_TASK = "publish.publish"
SKIPPED_BY_HAND = (
    "the run's state was set by hand and publish was skipped: this run has published nothing; clear it as a whole"
)
BY_HAND = "publish was set to success by hand: this run has published nothing; clear publish with downstream"


def summarise(
    run: Run,
    *,
    business_date: str,
    results: Mapping[str, Any],
    states: Mapping[str, str],
    errors: Mapping[str, str],
    dry_runs: Sequence[Mapping[str, Any]] | None = None,
    nothing_to_publish: bool = True,
    started: datetime,
    ended: datetime,
) -> dict[str, Any]:
    """Return the summary of *run*.

    Keys: ``client``, ``environment``, ``business_date``, ``dry_run``, ``deployment``, ``dag_id``, ``run_id``, ``tag``,
    ``state`` (success or failed), ``started_at`` and ``ended_at`` (ISO, UTC), ``seconds``, ``rows``, ``files``,
    ``bytes``, ``totals`` (export -> column -> exact sum as text), ``exports`` (name, rows, files, bytes), ``checks``
    (task, severity, title, violations), ``failed_tasks``, ``error`` (first line of the first failed task, or None).

    :param results: return value of each task, by task id. The publication's has ``exports``: name -> ``rows``,
        ``files`` (each with ``bytes``) and ``control_totals``; a check's ``severity``, ``title`` and ``violations``.
    :param states: state of each task but the one that asks, by task id.
    :param errors: first line of the error of each failed task, by task id.
    :param dry_runs: of a dry run, what each export has counted (:class:`billing_aggregator.export.dry_run.DryRun` as
        plain values); the summary's figures are then what would have been published. None: it was no dry run.
    :param nothing_to_publish: a publication that was skipped has skipped itself, for no export had rows; False:
        somebody has set the run's state, and Airflow has skipped all that was left.
    """
    exports = _published(results) if dry_runs is None else [_export(report["export"], report) for report in dry_runs]
    failed = sorted(task for task, state in states.items() if state in FAILED_STATES)
    # Whoever sets a task or the run to success publishes nothing by that, and nobody is to take it for published.
    by_hand = _by_hand(states.get(PUBLISH_TASK, ""), nothing_to_publish=nothing_to_publish)
    if dry_runs is not None or PUBLISH_TASK in results:
        by_hand = None
    return {
        "client": run.client,
        "environment": run.environment,
        "business_date": business_date,
        "dry_run": dry_runs is not None,
        "deployment": run.deployment,
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "tag": run.tag,
        "state": "failed" if failed or by_hand else "success",
        "started_at": started.isoformat(timespec="seconds"),
        "ended_at": ended.isoformat(timespec="seconds"),
        "seconds": round((ended - started).total_seconds(), 3),
        "rows": sum(export["rows"] for export in exports),
        "files": sum(export["files"] for export in exports),
        "bytes": sum(export["bytes"] for export in exports),
        "totals": {export["name"]: export.pop("totals") for export in exports},
        "exports": exports,
        "checks": [_check(task, result) for task, result in sorted(results.items()) if _is_check(result)],
        "failed_tasks": failed,
        "error": next((errors[task] for task in sorted(errors)), by_hand),
    }


def _by_hand(state: str, *, nothing_to_publish: bool) -> str | None:
    """Return what to say of a publication that has published nothing; None where it has said why itself."""
    if state == "success":
        return BY_HAND
    return SKIPPED_BY_HAND if state == "skipped" and not nothing_to_publish else None


def warnings(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the checks of a summary that warn: severity ``warn`` and at least one violation."""
    return [check for check in summary["checks"] if check["severity"] == "warn" and check["violations"]]


def _published(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    published = [result["exports"] for result in results.values() if isinstance(result, dict) and "exports" in result]
    return [_export(name, export) for exports in published for name, export in sorted(exports.items())]


def _export(name: str, export: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "rows": int(export["rows"]),
        "files": len(export["files"]),
        "bytes": sum(int(file["bytes"]) for file in export["files"]),
        "totals": {str(column): str(total) for column, total in sorted(export["control_totals"].items())},
    }


def _is_check(result: Any) -> bool:
    return isinstance(result, dict) and {"severity", "violations"} <= set(result)


def _check(task: str, result: dict[str, Any]) -> dict[str, Any]:
    return {
        "task": task,
        "severity": str(result["severity"]),
        "title": str(result.get("title", task)),
        "violations": int(result["violations"]),
    }
