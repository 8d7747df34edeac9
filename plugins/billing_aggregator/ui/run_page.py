"""What the page of one run shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from billing_aggregator.ui.charts import PhaseBar, phase_bars
from billing_aggregator.ui.compare import Figure, compare_totals
from billing_aggregator.ui.nights import WORDS, Night, last_nights, published_before
from billing_aggregator.ui.source import NIGHTS
from billing_aggregator.ui.texts import clock, count, moment, number, size, span

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.runs.run_history import RunRecord
    from billing_aggregator.runs.summary import CheckOutcome

# How the section of docs/runbook.md is called that a reader of a failed run wants.
RUNBOOK = "docs/runbook.md"
ORDER = {"fail": 0, "warn": 1, "info": 2}


@dataclass(frozen=True)
class RunPage:
    """A run.

    :param facts: name and value of what is said about it first.
    :param checks: violated ones first, by severity.
    :param totals: export -> control totals beside those of *before*.
    :param before: the publication of an earlier day that it is compared with.
    :param others: publications that it can be compared with, newest first.
    """

    config: ClientConfig
    run: RunRecord
    state: str
    word: str
    sentence: str
    facts: tuple[tuple[str, str], ...]
    phases: tuple[PhaseBar, ...]
    checks: tuple[CheckOutcome, ...] | None
    totals: dict[str, list[Figure]]
    before: RunRecord | None
    others: tuple[RunRecord, ...]
    dag_run: str
    runbook: str

    @property
    def violated(self) -> tuple[CheckOutcome, ...]:
        """The checks that found something."""
        return tuple(check for check in self.checks or () if check.violations)


def run_page(config: ClientConfig, runs: Sequence[RunRecord], tag: str, now: datetime) -> RunPage | None:
    """Return the page of the run *tag* among *runs*, newest first; None where there is no such run."""
    run = next((run for run in runs if run.tag == tag), None)
    if run is None:
        return None
    before = published_before(runs, run)
    night = _night(config, run, now)
    return RunPage(
        config=config,
        run=run,
        state=night.state,
        word="dry run" if run.dry_run else WORDS[night.state],
        sentence=night.text[:1].upper() + night.text[1:] + ".",
        facts=tuple(_facts(config, run)),
        phases=tuple(phase_bars(run, now)),
        checks=None if run.checks is None else tuple(sorted(run.checks, key=_urgency)),
        totals=compare_totals(run, before),
        before=before,
        others=tuple(other for other in runs if other.published and other is not run),
        dag_run=f"dags/{quote(run.dag_id, safe='')}/runs/{quote(run.run_id, safe='')}",
        runbook=config.alerts.runbook_url,
    )


def _night(config: ClientConfig, run: RunRecord, now: datetime) -> Night:
    """Return what the night would be if this were its only run."""
    if run.dry_run:
        return Night(run.business_date, "none", "a dry run: it published nothing", run)
    found = last_nights(config, [run], now, NIGHTS)
    alone = next((night for night in found if night.run is run), None)
    return alone or Night(run.business_date, "none", "it is older than the nights that are shown", run)


def _facts(config: ClientConfig, run: RunRecord) -> list[tuple[str, str]]:
    zone = config.timezone
    took = span(run.ended_at - run.started_at) if run.ended_at else "has not ended"
    due = f", due by {clock(run.due_at, zone)}" if run.due_at else ""
    return [
        ("rows", number(run.rows)),
        ("files", f"{count(run.files, 'file')}, {size(run.bytes)}" if run.files is not None else number(None)),
        ("published" if not run.dry_run else "dry run", moment(run.published_at, zone) + due),
        ("started", moment(run.started_at, zone)),
        ("took", took),
        ("run", run.run_id),
    ]


def _urgency(check: CheckOutcome) -> tuple[bool, int, str]:
    return not check.violations, ORDER.get(check.severity, len(ORDER)), check.task
