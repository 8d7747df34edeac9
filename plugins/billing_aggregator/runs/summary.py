"""What one run did, from what its tasks returned: for the last task's XCom, the runs table, metrics and alerts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from billing_aggregator.runs.airflow_names import PUBLISH_TASK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from billing_aggregator.runs.identity import Run

SKIPPED_BY_HAND = (
    "the run's state was set by hand and publish was skipped: this run has published nothing; clear it as a whole"
)
# What is kept of a published file.
STORED = ("key", "version_id", "rows", "bytes", "sha256")
BY_HAND = "publish was set to success by hand: this run has published nothing; clear publish with downstream"


@dataclass(frozen=True)
class ExportFigures:
    """One export, as it was published or, in a dry run, as it would be.

    :param files: number of files.
    :param totals: column -> exact sum, as text: JSON numbers would become floats.
    :param columns: in the order of the files, each with name, type and description; empty in a dry run.
    :param stored: each file's key, version, rows, bytes and SHA-256, as the manifest has them; empty in a dry run.
    """

    name: str
    rows: int
    files: int
    bytes: int
    totals: Mapping[str, str]
    columns: tuple[Mapping[str, Any], ...] = ()
    stored: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(cls, name: str, export: Mapping[str, Any]) -> Self:
        """Return the figures of an export with ``rows``, ``files`` (each with ``bytes``) and ``control_totals``."""
        return cls(
            name=name,
            rows=int(export["rows"]),
            files=len(export["files"]),
            bytes=sum(int(file["bytes"]) for file in export["files"]),
            totals={str(column): str(total) for column, total in sorted(export["control_totals"].items())},
            columns=tuple(export.get("column_details") or ()),
            stored=tuple(
                {name: file[name] for name in STORED} for file in export["files"] if file.keys() >= set(STORED)
            ),
        )


@dataclass(frozen=True)
class CheckOutcome:
    """What one check found; *violations* are rows, *task* is the phase, the system and the check's name.

    :param state: ``passed``, ``violated`` or ``skipped``.
    :param columns: names of the columns of the rows that it found.
    """

    task: str
    severity: str
    title: str
    violations: int
    state: str = ""
    columns: tuple[str, ...] = ()

    @property
    def warns(self) -> bool:
        """Whether somebody should look at it, though the run went on."""
        return self.severity == "warn" and self.violations > 0


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """What a run did.

    :param business_date: ISO.
    :param started_at: when the run started (UTC).
    :param ended_at: when its last task summed up (UTC).
    :param error: first line of the first failed task's error, or the reason of a run that failed without one.
    :param first_published_at: when the run was first published; None when it was not, or that is not known.
    """

    run: Run
    business_date: str
    dry_run: bool
    state: Literal["success", "failed"]
    started_at: datetime
    ended_at: datetime
    exports: tuple[ExportFigures, ...] = ()
    checks: tuple[CheckOutcome, ...] = ()
    failed_tasks: tuple[str, ...] = ()
    error: str | None = None
    first_published_at: datetime | None = None

    @property
    def seconds(self) -> float:
        """From the run's start to its last task."""
        return round((self.ended_at - self.started_at).total_seconds(), 3)

    @property
    def rows(self) -> int:
        """Rows of all exports."""
        return sum(export.rows for export in self.exports)

    @property
    def files(self) -> int:
        """Number of files of all exports."""
        return sum(export.files for export in self.exports)

    @property
    def bytes(self) -> int:
        """Bytes of all exports."""
        return sum(export.bytes for export in self.exports)

    @property
    def totals(self) -> dict[str, dict[str, str]]:
        """Export -> column -> exact sum as text."""
        return {export.name: dict(export.totals) for export in self.exports}

    @property
    def warnings(self) -> list[CheckOutcome]:
        """The checks that warn."""
        return [check for check in self.checks if check.warns]

    def to_json(self) -> dict[str, Any]:
        """Return the summary as plain values, as the last task returns it."""
        exports = [
            {name: getattr(export, name) for name in ("name", "rows", "files", "bytes")} for export in self.exports
        ]
        return {
            "client": self.run.client,
            "environment": self.run.environment,
            "business_date": self.business_date,
            "dry_run": self.dry_run,
            "deployment": self.run.deployment,
            "dag_id": self.run.dag_id,
            "run_id": self.run.run_id,
            "tag": self.run.tag,
            "state": self.state,
            "started_at": self.started_at.isoformat(timespec="seconds"),
            "ended_at": self.ended_at.isoformat(timespec="seconds"),
            "seconds": self.seconds,
            "rows": self.rows,
            "files": self.files,
            "bytes": self.bytes,
            "totals": self.totals,
            "exports": exports,
            "checks": [
                {name: getattr(check, name) for name in ("task", "severity", "title", "violations")}
                for check in self.checks
            ],
            "failed_tasks": list(self.failed_tasks),
            "error": self.error,
            "first_published_at": self.first_published_at.isoformat() if self.first_published_at else None,
        }


def summarise(
    run: Run,
    *,
    business_date: str,
    results: Mapping[str, Any],
    states: Mapping[str, str],
    errors: Mapping[str, str],
    checks: Iterable[Mapping[str, Any]] = (),
    dry_runs: Sequence[Mapping[str, Any]] | None = None,
    nothing_to_publish: bool = True,
    started: datetime,
    ended: datetime,
) -> RunSummary:
    """Return the summary of *run*.

    :param results: return value of each task, by task id. The publication's has ``exports``: name -> see
        :meth:`ExportFigures.of`.
    :param checks: what the tasks of checks have pushed: ``check``, ``state``, ``severity``, ``title`` and
        ``violations`` of each.
    :param states: state of each task but the one that asks, by task id.
    :param errors: first line of the error of each failed task, by task id.
    :param dry_runs: of a dry run, what each export has counted (:class:`billing_aggregator.export.dry_run.DryRun` as
        plain values); the summary's figures are then what would have been published. None: it was no dry run.
    :param nothing_to_publish: a publication that was skipped has skipped itself, for no export had rows; False:
        somebody has set the run's state, and Airflow has skipped all that was left.
    """
    failed = tuple(sorted(task for task, state in states.items() if state == "failed"))
    by_hand = None
    if dry_runs is None and PUBLISH_TASK not in results:
        by_hand = _by_hand(states.get(PUBLISH_TASK, ""), nothing_to_publish=nothing_to_publish)
    counted = _published(results) if dry_runs is None else ((report["export"], report) for report in dry_runs)
    return RunSummary(
        run=run,
        business_date=business_date,
        dry_run=dry_runs is not None,
        state="failed" if failed or by_hand else "success",
        started_at=started,
        ended_at=ended,
        exports=tuple(ExportFigures.of(name, export) for name, export in counted),
        checks=tuple(sorted((_check(check) for check in checks if _has_run(check)), key=_by_task)),
        failed_tasks=failed,
        error=next((errors[task] for task in sorted(errors)), by_hand),
    )


def _by_hand(state: str, *, nothing_to_publish: bool) -> str | None:
    """Return what to say of a publication that has published nothing; None where it has said why itself.

    Setting a task or the run to success by hand publishes nothing, and the run must not look as if it had.
    """
    if state == "success":
        return BY_HAND
    return SKIPPED_BY_HAND if state == "skipped" and not nothing_to_publish else None


def _published(results: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for result in results.values():
        if isinstance(result, dict) and "exports" in result:
            yield from sorted(result["exports"].items())


def _has_run(check: Mapping[str, Any]) -> bool:
    return check["state"] in ("passed", "violated", "skipped")


def _check(check: Mapping[str, Any]) -> CheckOutcome:
    # Without the client's folder: the name of a check is the same for all clients.
    phase, *system, name = str(check["check"]).removesuffix(".sql").split("/")
    return CheckOutcome(
        task=".".join([phase, *system[:1], name]),
        severity=str(check["severity"]),
        title=str(check["title"]),
        violations=int(check["violations"]),
        state=str(check["state"]),
        columns=tuple(check.get("columns") or ()),
    )


def _by_task(check: CheckOutcome) -> str:
    return check.task
