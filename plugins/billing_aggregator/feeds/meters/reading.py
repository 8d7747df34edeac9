"""One reading an hour: each meter's measurements are kept whole or not at all, whatever happens to the others.

Rules 1 and 2 of the specification's section 22. The database says which meters the hour's reading has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import structlog

from billing_aggregator.errors.kinds import TerminalError, classify
from billing_aggregator.errors.text import first_line
from billing_aggregator.feeds.meters import statements
from billing_aggregator.feeds.meters.meter import meter_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from billing_aggregator.feeds.meters.meter import Measured
    from billing_aggregator.feeds.meters.platform import Platform
    from billing_aggregator.postgres.protocols import Connection, Cursor

log = structlog.get_logger(__name__)

#: Resources that are sent to the warehouse at a time; no more of them are held.
BATCH = 1_000


class MetersFailedError(Exception):
    """No meter could be read, or some could not and a retry may help; the first failure is the cause."""


@dataclass
class Reading:
    """What was done.

    :param complete: whether the hour's reading has every meter now.
    :param measured: meter -> resources, of the meters that were read now.
    :param failed: meter -> the reason in one line.
    """

    hour: str
    complete: bool = False
    measured: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the figures as a task returns them."""
        return {"hour": self.hour, "complete": self.complete, "measured": self.measured, "failed": self.failed}


def take_reading(
    connection: Connection,
    platform: Callable[[], Platform],
    meters: Sequence[str],
    taken_at: datetime,
    *,
    periodic: bool,
    commit: Callable[[Connection], None] | None = None,
) -> Reading:
    """Read the *meters* that the hour's reading does not have yet; a complete one is left as it is.

    :param platform: is called when something is to be asked.
    :param meters: entries of the feed's ``meters``.
    :param taken_at: with time zone.
    :param commit: commits, or refuses where the feed's lock is another run's; None: commits.
    """
    commit = commit or (lambda session: session.commit())
    named = {meter.name: meter for meter in map(meter_of, meters)}
    reading, had = _begin(connection, taken_at)
    if reading.complete:
        return reading
    asked = None
    for name in [name for name in named if name not in (had or ())]:
        try:
            asked = asked or platform()
            _stage(connection, named[name].read(asked))
            count, reading.complete = _keep(connection, name, taken_at, periodic, list(named))
            commit(connection)
        except Exception as error:  # one meter's failure leaves the others' usage in place
            connection.rollback()
            if not _is_the_meters(error):
                raise
            reading.failed[name] = first_line(error)
            reading.error = reading.error or error
            log.warning("meter failed", meter=name, kind=classify(error), error=reading.failed[name])
        else:
            reading.measured[name] = count
    if not named.keys() - reading.failed.keys() - set(had or ()) and not reading.measured and not had:
        _keep_nothing(connection, taken_at, periodic, commit)
    return reading


def take_one_app(
    connection: Connection,
    platform: Callable[[], Platform],
    app_id: str,
    taken_at: datetime,
    *,
    commit: Callable[[Connection], None] | None = None,
) -> Reading:
    """Measure one app by hand. Its meter counts as not read: the hour's reading by the feed adds all others.

    What the hour has of the app already stays.

    :raises TerminalError: the platform has no started app of this id.
    """
    from billing_aggregator.feeds.meters.cloudfoundry import Apps  # noqa: PLC0415 - loads requests

    reading, _ = _begin(connection, taken_at)
    if reading.complete:
        return reading
    meter = Apps()
    found = list(meter.read(platform(), only=app_id))
    if not found:
        raise TerminalError(f"app {app_id}: the platform has no started app of this id")
    _stage(connection, found)
    with connection.cursor() as cursor:
        _write_staged(cursor, {"meter": meter.name, "taken_at": taken_at, "periodic": False})
    (commit or (lambda session: session.commit()))(connection)
    reading.measured[meter.name] = len(found)
    return reading


def _begin(connection: Connection, taken_at: datetime) -> tuple[Reading, Sequence[str] | None]:
    """Return the hour's reading, complete where there is one already, and the meters that it has."""
    with connection.cursor() as cursor:
        cursor.execute(statements.HOUR, [taken_at])
        hour, complete, had = cursor.fetchone()
    connection.commit()
    if complete:
        log.info("the hour has a complete reading already", hour=hour)
    return Reading(hour, bool(complete)), had


def _is_the_meters(error: Exception) -> bool:
    """Return whether the meter or its platform failed, and not the warehouse or the feed's lock."""
    packages = {base.__module__.partition(".")[0] for base in type(error).__mro__}
    return not packages & {"psycopg", "psycopg2"} and type(error).__name__ != "FeedLockLostError"


def _stage(connection: Connection, measured: Iterable[Measured]) -> None:
    """Put what a meter yields into the session's own table, batch by batch: no lock is held while it is asked."""
    with connection.cursor() as cursor:
        cursor.execute(statements.STAGE)
        cursor.execute(statements.EMPTY_STAGE)
    connection.commit()
    resources = iter(measured)
    while batch := list(islice(resources, BATCH)):
        for one in batch:
            if not one.resource_id or not one.value >= 0:
                raise TerminalError(f"resource {one.resource_id!r}: its value is {one.value}; it must not be below 0")
        columns = [[getattr(one, name) for one in batch] for name in statements.COLUMNS]
        columns[1] = [str(value) for value in columns[1]]
        with connection.cursor() as cursor:
            cursor.execute(statements.ADD, columns)
        connection.commit()


def _write_staged(cursor: Cursor, values: dict[str, Any]) -> int:
    """Write what was staged of a meter; return its resources."""
    for statement in statements.KEEP:
        cursor.execute(statement, values)
    return int(cursor.rowcount)


def _keep(
    connection: Connection, meter: str, taken_at: datetime, periodic: bool, meters: list[str]
) -> tuple[int, bool]:
    """Write what was staged in one transaction, which the caller commits; return resources, and whether it is whole."""
    values = {"meter": meter, "taken_at": taken_at, "periodic": periodic, "meters": meters}
    with connection.cursor() as cursor:
        count = _write_staged(cursor, values)
        cursor.execute(statements.HAS, values)
        complete = cursor.fetchone()[0]
    return count, bool(complete)


def _keep_nothing(
    connection: Connection, taken_at: datetime, periodic: bool, commit: Callable[[Connection], None]
) -> None:
    """Keep that the hour was tried: an incomplete reading without measurements."""
    with connection.cursor() as cursor:
        cursor.execute(statements.READING, {"taken_at": taken_at, "periodic": periodic})
    commit(connection)
