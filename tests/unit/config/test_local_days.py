"""Each business date has one night, in summer and in winter; a schedule for which it has not is told."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from billing_aggregator.config.local_days import times_on_both_sides_of_midnight
from tests.survival.test_calendar import business_date, config

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")


def nights(zone: str, hour: int, minute: int) -> Counter[date]:
    """Return how many nights each business date of a year has, by the runs' own rule."""
    first, client = BEGIN.replace(hour=hour, minute=minute), config(zone)
    return Counter(business_date(client, first + timedelta(days=day)) for day in range(365))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("half", range(48))
def test_what_is_told_is_what_happens(zone: str, half: int) -> None:
    hour, minute = divmod(half * 30, 60)
    found = nights(zone, hour, minute)
    days = (max(found) - min(found)).days + 1
    wrong = len(found) != days or max(found.values()) > 1
    assert (times_on_both_sides_of_midnight(f"{minute} {hour} * * *", zone, BEGIN) is not None) is wrong


@pytest.mark.parametrize("zone", ZONES)
def test_the_default_schedule_is_right_everywhere(zone: str) -> None:
    assert times_on_both_sides_of_midnight("0 2 * * *", zone) is None
    assert times_on_both_sides_of_midnight("0 4,23 * * *", zone) is None
