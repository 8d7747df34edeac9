"""Small drawings as numbers for the templates: lines of figures with their jumps, and the bar of a run's phases.

Floats here are places on the screen, never money.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from billing_aggregator.ui.texts import percent, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing_aggregator.runs.run_history import RunRecord

LINE_WIDTH, LINE_HEIGHT, MARGIN = 150, 34, 4
BAR_WIDTH = 1_000
# More than this from one publication to the next is a jump.
JUMP = Decimal("0.1")


@dataclass(frozen=True)
class Jump:
    """A mark on a line, and what it says."""

    x: float
    y: float
    title: str


@dataclass(frozen=True)
class Line:
    """A line through the nights that have a value.

    :param points: of an SVG polyline.
    :param last: where it ends, and *value* what it is there.
    """

    points: str
    last: tuple[float, float]
    value: str
    jumps: tuple[Jump, ...]
    title: str


def line(values: Sequence[tuple[str, Decimal | int | None]], what: str) -> Line | None:
    """Return the line of *values*, each with the name of its night, oldest first; None for fewer than two."""
    known = [(place, name, Decimal(value)) for place, (name, value) in enumerate(values) if value is not None]
    if len(known) < 2:  # noqa: PLR2004 - a point is no line
        return None
    low, high = min(value for *_, value in known), max(value for *_, value in known)
    dots = [(_across(place, len(values)), _down(value, low, high)) for place, _, value in known]
    jumps = []
    for index in range(1, len(known)):
        (_, _, before), (_, name, value) = known[index - 1], known[index]
        if abs(value - before) > JUMP * abs(before):
            by = percent(value, before) or "from 0"
            jumps.append(Jump(*dots[index], f"{name}: {what} {value:,f}, {by} after {before:,f}"))
    title = f"{what}: {known[-1][2]:,f} on {known[-1][1]}, from {low:,f} to {high:,f} in {len(known)} publications"
    return Line(" ".join(f"{x},{y}" for x, y in dots), dots[-1], f"{known[-1][2]:,f}", tuple(jumps), title)


@dataclass(frozen=True)
class PhaseBar:
    """A phase of a run in its bar: place and width in thousandths of the run's time."""

    name: str
    x: int
    width: int
    seconds: float
    title: str


def phase_bars(run: RunRecord, now: datetime) -> list[PhaseBar]:
    """Return the phases of *run* in their order; a phase ends where the next one begins, the last one with the run."""
    if not run.phases:
        return []
    begun = [(name, datetime.fromisoformat(str(at)).astimezone(UTC)) for name, at in run.phases.items()]
    end = max(run.ended_at or now, begun[-1][1])
    whole = max((end - begun[0][1]).total_seconds(), 0.001)
    bars = []
    for (name, start), stop in zip(begun, [at for _, at in begun[1:]] + [end], strict=True):
        seconds = max((stop - start).total_seconds(), 0.0)
        x = round((start - begun[0][1]).total_seconds() / whole * BAR_WIDTH)
        bars.append(PhaseBar(name, x, max(round(seconds / whole * BAR_WIDTH), 2), seconds, f"{name}: {span(seconds)}"))
    return bars


def longest(bars: Sequence[PhaseBar], number: int = 3) -> str:
    """Say which phases took most of the time."""
    return ", ".join(bar.title for bar in sorted(bars, key=lambda bar: -bar.seconds)[:number])


def _across(place: int, places: int) -> float:
    return round(MARGIN + place / max(places - 1, 1) * (LINE_WIDTH - 2 * MARGIN), 1)


def _down(value: Decimal, low: Decimal, high: Decimal) -> float:
    share = float((value - low) / (high - low)) if high != low else 0.5
    return round(LINE_HEIGHT - MARGIN - share * (LINE_HEIGHT - 2 * MARGIN), 1)
