"""How the page writes numbers, sizes, times and spans."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from datetime import datetime, timedelta

UNKNOWN = "–"
#: Characters of a value that are shown.
LONGEST_VALUE = 120


def number(value: float | Decimal | str | None) -> str:
    """Return a number with separators, all of its digits kept; texts that are no number stay as they are."""
    if value is None:
        return UNKNOWN
    if isinstance(value, str):
        exact = exact_number(value)
        return value if exact is None else f"{exact:,f}"
    return f"{value:,}"


def exact_number(text: str | None) -> Decimal | None:
    """Return a control total as a number; None where there is none, or it is NaN or infinite."""
    try:
        found = Decimal(text) if text is not None else None
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() else None


def signed(value: Decimal | int) -> str:
    """Return a difference with its sign; no difference is a bare zero."""
    return f"{value:+,f}" if isinstance(value, Decimal) and value else f"{value:+,}" if value else "0"


def percent(now: Decimal | int | None, before: Decimal | int | None) -> str:
    """Return how much more *now* is than *before*, with one decimal; empty where that says nothing."""
    if now is None or not before:
        return ""
    share = (Decimal(now) - Decimal(before)) / abs(Decimal(before)) * 100
    return f"{share:+,.1f} %" if share else ""


def count(number_of: int | None, thing: str) -> str:
    """Return ``1 file``, ``2 files``, ``no files``."""
    if number_of is None:
        return f"an unknown number of {thing}s"
    return f"{number_of:,} {thing}{'' if number_of == 1 else 's'}" if number_of else f"no {thing}s"


def size(value: int | None) -> str:
    """Return bytes in a unit that people read: ``376 kB``, powers of 1000."""
    if value is None:
        return UNKNOWN
    amount = float(value)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:  # noqa: PLR2004 - the next unit
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:,.3g} TB"


def clock(moment: datetime | None, zone: str) -> str:
    """Return a moment as the client's clock shows it: ``04:12``."""
    return moment.astimezone(ZoneInfo(zone)).strftime("%H:%M") if moment else UNKNOWN


def moment(value: datetime | None, zone: str) -> str:
    """Return day, time and zone: ``2026-11-26 04:12 CET``."""
    return value.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %Z") if value else UNKNOWN


def span(value: timedelta | float) -> str:
    """Return a span: ``0.4 s``, ``42 s``, ``3 min 20 s``, ``1 h 5 min``."""
    seconds = value if isinstance(value, (int, float)) else value.total_seconds()
    if seconds < 10:  # noqa: PLR2004 - tenths matter
        return f"{seconds:.1f} s"
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def value(found: str | None) -> str:
    """Return a value of a file: NULL, or a text in quotes, cut where it is long."""
    if found is None:
        return "NULL"
    return f'"{found[:LONGEST_VALUE]}{"…" if len(found) > LONGEST_VALUE else ""}"'
