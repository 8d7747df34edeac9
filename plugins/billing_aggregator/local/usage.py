"""The usage of ``make run``: a stand-in of the platform, readings of the hours around a month's end, two nights."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from billing_aggregator.config import read_environment
from billing_aggregator.feeds.meters.reading import take_reading
from billing_aggregator.local import report
from billing_aggregator.local.airflow_process import names_connection
from billing_aggregator.local.cloudfoundry import CLIENT_ID, LocalPlatform
from billing_aggregator.local.warehouse import DATABASE, ROLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import ExitStack

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.config.feeds import MetersFeed

HOUR = timedelta(hours=1)
HOURS_BEFORE, HOURS_AFTER = 36, 12
#: Hours before the month's end that nobody has read: the night estimates them.
MISSED = range(18, 21)


@dataclass
class LocalUsage:
    """What was started and read.

    :param variables: ``BDA_CF_*`` of the stand-in; empty where a platform is named.
    :param nights: params of the nights that show the month's end; empty: one night, today's.
    """

    variables: dict[str, str] = field(default_factory=dict)
    nights: list[dict[str, Any]] = field(default_factory=list)


def usage(config: ClientConfig, server: Mapping[str, str], stack: ExitStack) -> LocalUsage:
    """Start the stand-in and take the readings around the month's end, if the client has meters and names no platform.

    :param server: the ``BDA_DB_*`` variables of an embedded warehouse; empty: another one, which gets no sample hours.
    """
    feeds = [feed for feed in config.feeds.values() if feed.kind == "meters" and feed.enabled]
    if not feeds:
        return LocalUsage()
    name = feeds[0].conn_id or f"cloudfoundry_{config.client}_{config.environment}"
    settings = read_environment(os.environ)
    if settings.cf_url is not None or names_connection(os.environ, name):
        print(report.field("platform", settings.cf_url or f"connection {name}"))
        return LocalUsage()
    platform = stack.enter_context(LocalPlatform())
    found = LocalUsage(
        {
            "BDA_CF_URL": platform.url,
            "BDA_CF_CLIENT_ID": CLIENT_ID,
            "BDA_CF_CLIENT_SECRET": platform.secret,
        }
    )
    taken = 0
    if "BDA_DB_HOST" in server:
        turn = months_end(config)
        for feed in feeds:
            taken += _take_hours(platform, feed, server, turn)
        days = (turn.date() - timedelta(days=1), turn.date())
        found.nights = [{"business_date": day.isoformat()} for day in days]
    where = f"stand-in {platform.url} with sample usage, {taken} hours read; it ends with this command"
    print(report.field("platform", where))
    return found


def months_end(config: ClientConfig, today: date | None = None) -> datetime:
    """Return midnight of this month's first day in the client's zone."""
    zone = ZoneInfo(config.timezone)
    day = today or datetime.now(UTC).astimezone(zone).date()
    return datetime(day.year, day.month, 1, tzinfo=zone)


def _hours(turn: datetime) -> Iterator[datetime]:
    """Yield the instants of the readings: all in the past."""
    midnight = turn.astimezone(UTC)
    for step in range(-HOURS_BEFORE, HOURS_AFTER):
        at = midnight + step * HOUR + timedelta(minutes=5)
        if -step not in MISSED and at < datetime.now(UTC) - HOUR:
            yield at


def _take_hours(platform: LocalPlatform, feed: MetersFeed, server: Mapping[str, str], turn: datetime) -> int:
    """Take the readings as the feed does, with the stand-in's clock set to each hour; return how many."""
    import psycopg
    from airflow.sdk import Connection

    from billing_aggregator.feeds.meters.connection import PlatformHook
    from billing_aggregator.feeds.meters.platform import Platform

    hook = PlatformHook(
        Connection(conn_id="stand_in", conn_type="http", host=platform.url, login=CLIENT_ID, password=platform.secret)
    )
    asked = Platform(hook)
    count = 0
    today = platform.clock
    with psycopg.connect(
        host=server["BDA_DB_HOST"], port=server["BDA_DB_PORT"], dbname=DATABASE, user=ROLE
    ) as connection:
        for at in _hours(turn):
            platform.clock = lambda at=at: at  # type: ignore[misc]  # the instant of this turn of the loop
            reading = take_reading(connection, lambda: asked, feed.meters, at, periodic=True)
            if reading.error:
                raise reading.error
            count += 1
    platform.clock = today
    return count
