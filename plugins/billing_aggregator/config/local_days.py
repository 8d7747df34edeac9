"""Whether a schedule in UTC gives each local day one night, when the clocks change as well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

DAY_MINUTES = 24 * 60
# Both changes of the clocks of a year lie between these looks at the zone.
LOOKS, EVERY = 53, timedelta(days=7)


def times_on_both_sides_of_midnight(
    schedule: str, timezone: str, now: datetime | None = None
) -> tuple[str, str] | None:
    """Return the local times, ``HH:MM``, of a schedule whose runs belong to one day in summer and another in winter.

    Such a schedule leaves a business date out when the clocks go forward, and has one twice when they go back. None
    where it is not so, or the schedule has more than one time of day.

    :param schedule: a valid cron expression of five fields, in UTC.
    :param timezone: of the business date.
    :param now: the year that begins here is looked at; None: now.
    """
    minute, hour, *_ = schedule.split()
    if not (minute.isdigit() and hour.isdigit()):
        return None
    begin = now or datetime.now(UTC)
    zone = ZoneInfo(timezone)
    local = set()
    for look in range(LOOKS):
        offset = (begin + look * EVERY).astimezone(zone).utcoffset() or timedelta()
        local.add(int(hour) * 60 + int(minute) + int(offset.total_seconds() // 60))
    first, last = min(local), max(local)
    if first // DAY_MINUTES == last // DAY_MINUTES:
        return None
    return _clock(first), _clock(last)


def _clock(minutes: int) -> str:
    return "{:02d}:{:02d}".format(*divmod(minutes % DAY_MINUTES, 60))
