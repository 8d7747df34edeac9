"""What became of each night of a client: one state a business date, worst first where there are several reasons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from croniter import croniter

from billing_aggregator.ui.texts import clock, count, number, span

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.runs.run_history import RunRecord

#: ``waiting``: it runs, or its time has not come.
State = Literal["published", "warned", "late", "failed", "waiting", "none"]
WORDS: dict[State, str] = {
    "published": "published",
    "warned": "published with warnings",
    "late": "late",
    "failed": "failed",
    "waiting": "not yet",
    "none": "no run",
}
# A run may end after its time-out: alerts are sent and locks released then.
GRACE = timedelta(hours=1)


@dataclass(frozen=True)
class Night:
    """One business date.

    :param text: a sentence about it.
    :param run: the run that decides its state; None: none did.
    """

    day: date
    state: State
    text: str
    run: RunRecord | None = None

    @property
    def title(self) -> str:
        """Day, state and sentence in one line."""
        return f"{self.day:%a} {self.day}: {self.text}"


@dataclass(frozen=True)
class Expected:
    """The newest business date that the schedule asks for, when its run starts, and when it is late (UTC)."""

    day: date
    start: datetime
    due: datetime | None


def expected(config: ClientConfig, now: datetime) -> Expected | None:
    """Return what the schedule has asked for last; None without a schedule."""
    if config.schedule is None:
        return None
    start = croniter(config.schedule, now).get_prev(datetime)
    due = start + timedelta(minutes=config.deadline_minutes) if config.deadline_minutes else None
    return Expected(start.astimezone(ZoneInfo(config.timezone)).date(), start, due)


def last_nights(config: ClientConfig, runs: Iterable[RunRecord], now: datetime, days: int) -> list[Night]:
    """Return the last *days* business dates, oldest first, up to today where the client is.

    :param runs: newest first; dry runs are no publications and count for nothing.
    """
    by_day: dict[date, list[RunRecord]] = {}
    for run in runs:
        if not run.dry_run:
            by_day.setdefault(run.business_date, []).append(run)
    today = now.astimezone(ZoneInfo(config.timezone)).date()
    wanted = expected(config, now)
    dates = [today - timedelta(days=ago) for ago in range(days - 1, -1, -1)]
    return [_night(config, day, by_day.get(day, []), now, wanted) for day in dates]


def published_before(runs: Iterable[RunRecord], run: RunRecord) -> RunRecord | None:
    """Return the newest publication of an earlier business date than that of *run*."""
    earlier = [other for other in runs if other.published and other.business_date < run.business_date]
    return max(earlier, key=lambda other: (other.business_date, _published_at(other)), default=None)


def _published_at(run: RunRecord) -> datetime:
    return run.published_at or run.ended_at or run.started_at


def _night(config: ClientConfig, day: date, runs: list[RunRecord], now: datetime, wanted: Expected | None) -> Night:
    published = [run for run in runs if run.published]
    if published:
        return _published(config, day, max(published, key=_published_at))
    running = next((run for run in runs if run.state == "running"), None)
    if running is not None:
        return _running(config, day, running, now)
    if runs:
        lost = "it ended without saying so" if runs[0].state == "lost" else (runs[0].error or "no error was recorded")
        return Night(day, "failed", f"failed, nothing was published: {lost}", runs[0])
    if wanted is not None and day == wanted.day:
        if wanted.due is not None and now > wanted.due:
            return Night(day, "late", f"late: no run has begun, due by {clock(wanted.due, config.timezone)}")
        due = f", due by {clock(wanted.due, config.timezone)}" if wanted.due else ""
        return Night(day, "waiting", f"not yet: no run has begun{due}")
    return Night(day, "none", "no run")


def _published(config: ClientConfig, day: date, run: RunRecord) -> Night:
    at = clock(_published_at(run), config.timezone)
    figures = f"{number(run.rows)} rows in {count(run.files, 'file')}"
    reasons = []
    if run.late and run.due_at is not None:
        reasons.append(f"{span(_published_at(run) - run.due_at)} late")
    if run.warnings:
        reasons.append(count(len(run.warnings), "warning"))
    if run.state in ("failed", "lost"):
        reasons.append("the run failed after publishing")
    state: State = "late" if run.late else "warned" if reasons else "published"
    more = f"; {', '.join(reasons)}" if reasons else ""
    return Night(day, state, f"published at {at}, {figures}{more}", run)


def _running(config: ClientConfig, day: date, run: RunRecord, now: datetime) -> Night:
    since = clock(run.started_at, config.timezone)
    if now > run.started_at + timedelta(minutes=config.run_timeout_minutes) + GRACE:
        return Night(day, "failed", f"running since {since}, longer than a run may: it was lost", run)
    if run.due_at is not None and now > run.due_at:
        return Night(day, "late", f"late: still running since {since}", run)
    due = f", due by {clock(run.due_at, config.timezone)}" if run.due_at else ""
    return Night(day, "waiting", f"running since {since}{due}", run)


def utc_now() -> datetime:
    """Return the time now."""
    return datetime.now(UTC)
