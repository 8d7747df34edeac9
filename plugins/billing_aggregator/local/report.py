"""The words of ``make run``: title, summary of a run that succeeded, explanation of one that failed."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from billing_aggregator.night.phases import DAG_PHASES
from billing_aggregator.runs.airflow_names import PUBLISH_TASK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.local.airflow_process import AirflowProcess, TaskState
    from billing_aggregator.local.objects import ObjectStore

PREVIEW_LINES = 4
PREVIEW_WIDTH = 118


def title(config: ClientConfig) -> str:
    """Return the first line."""
    return (
        f"Billing data aggregator: {config.client} / {config.environment}, systems {', '.join(config.active_systems)}"
    )


def field(name: str, value: str) -> str:
    """Return one line ``name  value``."""
    return f"  {name:<10} {value}"


def success(
    states: Sequence[TaskState],
    store: ObjectStore,
    files: Path,
    log: Path,
    seconds: float,
    *,
    dry_runs: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Return the summary of a run that succeeded, and copy its files to *files*; of a dry run what it counted."""
    lines = ["", f"Succeeded in {seconds:.0f} s: {_counts(states)}", "", *_phases(states), ""]
    if _is_published(states):
        lines += _published(store, files)
    else:
        lines += ["Nothing was published: dry run. It would have been:", ""]
        lines += _table({each["export"]: each for each in dry_runs})
    lines += ["", field("log", str(log))]
    return "\n".join(lines)


def failure(states: Sequence[TaskState], airflow: AirflowProcess, log: Path, seconds: float) -> str:
    """Return which tasks failed, why, and where to read on; says that nothing was published when nothing was."""
    failed = [state.task_id for state in states if state.state == "failed"]
    lines = ["", f"FAILED after {seconds:.0f} s: {_counts(states) or 'Airflow did not start the run'}", ""]
    for task in failed:
        lines += [f"  failed task: {task}", *_indent(airflow.error_of(task) or "(no error in the log)"), ""]
    if not failed:
        lines += [*_indent("\n".join(_tail(log))), ""]
    lines.append(
        "  The new files are published."
        if _is_published(states)
        else "  Nothing was published; earlier files are as before."
    )
    lines.append(field("log", str(log)))
    return "\n".join(lines)


def data(
    states: Sequence[TaskState], airflow: AirflowProcess, log: Path, seconds: float, store: ObjectStore | None
) -> dict[str, Any]:
    """Return the outcome for machines; *store* is None for a run that failed."""
    published = _is_published(states)
    failed = [state.task_id for state in states if state.state == "failed"]
    return {
        "ok": store is not None,
        "seconds": round(seconds, 1),
        "tasks": [{"task": state.task_id, "state": state.state, "seconds": state.seconds} for state in states],
        "failed": [{"task": task, "error": airflow.error_of(task)} for task in failed],
        "published": published,
        "location": store.location if store and published else None,
        "manifest": store.manifest() if store and published else None,
        "log": str(log),
    }


def _is_published(states: Sequence[TaskState]) -> bool:
    # This task and not its group: the group also aborts uploads, which succeeds when nothing was published.
    return any(state.task_id == PUBLISH_TASK and state.state == "success" for state in states)


def _published(store: ObjectStore, files: Path) -> list[str]:
    manifest = store.manifest()
    copies = store.copy_files(manifest, files)
    lines = _table(manifest["exports"])
    lines += ["", field("S3", store.location), field("copy", str(files))]
    shown = _first_file(manifest, copies)
    if shown is not None:
        lines += ["", f"  first lines of {shown.name}:", *_preview(shown)]
    return lines


def _first_file(manifest: Mapping[str, Any], copies: Sequence[Path]) -> Path | None:
    """Return the copy of the biggest export's first file."""
    lists = [export["files"] for export in manifest["exports"].values() if export["files"]]
    biggest = max(lists, key=lambda files: sum(file["bytes"] for file in files), default=None)
    key = biggest[0]["key"] if biggest else None
    return next((copy for copy in copies if copy.as_posix().endswith(f"/{key}")), None)


def _table(exports: Mapping[str, Any]) -> list[str]:
    """Return a line for each export: files, rows, bytes, the first control totals."""
    lines = [f"  {'export':<24} {'files':>5} {'rows':>12} {'bytes':>14}  control totals"]
    for name, export in exports.items():
        size = sum(file["bytes"] for file in export["files"])
        lines.append(f"  {name:<24} {len(export['files']):>5} {export['rows']:>12,} {size:>14,}  {_totals(export)}")
    return lines


def _totals(export: Mapping[str, Any]) -> str:
    # Sums with decimals are amounts; those of whole numbers are of ids.
    totals = sorted(export["control_totals"].items(), key=lambda item: ("." not in item[1], item[0]))
    shown = [f"{name} {total}" for name, total in totals if "." in total][:3] or [f"{n} {t}" for n, t in totals[:1]]
    more = len(totals) - len(shown)
    return ", ".join(shown) + (f", {more} more" if more > 0 else "") if shown else "-"


def _phases(states: Sequence[TaskState]) -> list[str]:
    lines = [f"  {'phase':<12} {'tasks':>5} {'seconds':>9}"]
    for phase in DAG_PHASES:
        own = [state for state in states if state.task_id.split(".")[0] == phase]
        if own:
            lines.append(f"  {phase:<12} {len(own):>5} {sum(state.seconds or 0.0 for state in own):>9.2f}")
    return lines


def _counts(states: Sequence[TaskState]) -> str:
    names = ("success", "skipped", "failed", "upstream_failed", "none")
    counts = {name: sum(state.state == name for state in states) for name in names}
    words = {"success": "done", "upstream_failed": "not reached", "none": "not reached"}
    return ", ".join(f"{count} {words.get(name, name)}" for name, count in counts.items() if count)


def _preview(path: Path) -> list[str]:
    with path.open(encoding="utf-8", errors="replace") as file:
        return [f"    {line.rstrip()[:PREVIEW_WIDTH]}" for line in islice(file, PREVIEW_LINES)]


def _indent(text: str) -> list[str]:
    return [f"    {line}" for line in text.splitlines()]


def _tail(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:]
