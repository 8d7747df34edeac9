"""Runs the checks of a system and phase: all of them on one snapshot, those of a stage side by side.

A check costs milliseconds, a task and its sessions cost seconds, so the checks of a system and phase share a task and
few sessions. The first session exports its snapshot and the others import it: all checks of a phase see the same state
of the warehouse, whatever is committed meanwhile. Each check runs behind a savepoint that is rolled back: what it has
set, locked or broken does not reach the next one.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Literal

from billing_aggregator.sql.checks import select_violations
from billing_aggregator.sql.scripts import stages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from billing_aggregator.postgres.protocols import Connection, Cursor
    from billing_aggregator.sql.checks import Check, CheckResult

#: What became of a check: ``skipped``: tables that it needs do not exist; ``not run``: an earlier stage stopped it.
State = Literal["passed", "violated", "skipped", "failed", "not run"]

BEGIN = "set transaction isolation level repeatable read, read only"
# A session waits while the others finish their checks of the stage, as long as they take.
PATIENT = "set local idle_in_transaction_session_timeout = 0"


@dataclass(frozen=True)
class NamedCheck:
    """A check and its place.

    :param name: path of its file, relative to the SQL root.
    :param stage: the number in front of its name: a stage begins when all checks of the one before have ended.
    :param check: what it says; its severity is the one that counts, a client's override included.
    """

    name: str
    stage: int
    check: Check


@dataclass(frozen=True)
class CheckOutcome:
    """What became of one check.

    :param result: what it found; None where it failed or did not run.
    :param error: why it failed: a :class:`~billing_aggregator.sql.runner.StatementError`, or what the guard raised.
    :param seconds: from its first statement to its last, 3 decimals; 0 where it did not run.
    """

    name: str
    check: Check
    result: CheckResult | None = None
    error: Exception | None = None
    seconds: float = 0.0

    @property
    def state(self) -> State:
        """What became of it, in one word."""
        if self.error is not None:
            return "failed"
        if self.result is None:
            return "not run"
        if self.result.missing:
            return "skipped"
        return "violated" if self.result.violations else "passed"

    @property
    def stops(self) -> bool:
        """Whether the phase ends behind this check's stage."""
        return self.state == "failed" or (self.state == "violated" and self.check.severity == "fail")


class CheckPhase:
    """The sessions of one phase's checks; whoever makes it closes it, and none of them is left.

    :param connect: opens a session outside of autocommit mode; called in this thread only, at most *sessions* times.
    :param settings: become ``bda.<name>`` for each check.
    :param guards: returns, for a check's name, what looks at its transaction when its SELECT has run.
    :param sessions: sessions at most; no more are opened than a stage has checks.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        *,
        settings: Mapping[str, str] | None = None,
        guards: Callable[[str], Callable[[Cursor], None]] | None = None,
        sessions: int = 1,
    ) -> None:
        if sessions < 1:
            raise ValueError(f"sessions is {sessions}; give 1 or more")
        self._connect = connect
        self._settings = settings or {}
        self._guards = guards
        self._most = sessions
        self._open: list[Connection] = []
        self._snapshot = ""
        self._ended = False

    @property
    def closed(self) -> int:
        """0 while a session may be open."""
        return int(self._ended)

    def close(self) -> None:
        """End all sessions."""
        self._ended = True
        for connection in self._open:
            with suppress(Exception):
                connection.close()

    def cancel(self) -> None:
        """Ask the server to end what runs for these checks; safe from another thread."""
        for connection in list(self._open):
            # It may have ended already; the others are to be cancelled all the same.
            with suppress(Exception):
                connection.cancel()

    def run(self, checks: Iterable[NamedCheck]) -> list[CheckOutcome]:
        """Run *checks* stage by stage; return what became of each, in the order of stage and name.

        Behind a stage with a failed check, or a violated one of severity ``fail``, no other stage runs.
        """
        done: list[CheckOutcome] = []
        for stage in stages(checks):
            if any(outcome.stops for outcome in done):
                done += [CheckOutcome(named.name, named.check) for named in stage]
            else:
                done += self._run_stage(stage)
        return done

    def _run_stage(self, stage: Sequence[NamedCheck]) -> list[CheckOutcome]:
        """Run the checks of one stage, as many side by side as there are sessions."""
        while len(self._open) < min(self._most, len(stage)):
            self._open_session()
        free: SimpleQueue[Connection] = SimpleQueue()
        for connection in self._open:
            free.put(connection)
        with ThreadPoolExecutor(len(self._open), thread_name_prefix="check") as pool:
            try:
                running = [pool.submit(self._run_one, named, free) for named in stage]
                wait(running)
            except BaseException:
                # The task was told to stop while it waited here: nothing else begins, what runs is cancelled.
                pool.shutdown(wait=False, cancel_futures=True)
                self.cancel()
                raise
        return [future.result() for future in running]

    def _open_session(self) -> None:
        """Open a session whose one transaction sees the phase's snapshot."""
        connection = self._connect()
        self._open.append(connection)
        if connection.autocommit:
            raise ValueError("checks need a transaction: the connection must not be in autocommit mode")
        with connection.cursor() as cursor:
            cursor.execute(BEGIN)
            if self._snapshot:
                # An identifier that the server made; this statement takes no bound values.
                cursor.execute(f"set transaction snapshot '{self._snapshot}'")
            else:
                cursor.execute("select pg_catalog.pg_export_snapshot()")
                self._snapshot = str(cursor.fetchone()[0])
            cursor.execute(PATIENT)

    def _run_one(self, named: NamedCheck, free: SimpleQueue[Connection]) -> CheckOutcome:
        """Run one check on a session that is free; its error is part of what became of it."""
        connection = free.get()
        started = time.monotonic()
        try:
            with connection.cursor() as cursor:
                cursor.execute("savepoint one_check")
                try:
                    guard = self._guards(named.name) if self._guards else None
                    result = select_violations(cursor, named.check, self._settings, guard)
                finally:
                    cursor.execute("rollback to savepoint one_check")
            return CheckOutcome(named.name, named.check, result, seconds=_since(started))
        except Exception as error:
            return CheckOutcome(named.name, named.check, error=_first(error), seconds=_since(started))
        finally:
            free.put(connection)


def _first(error: Exception) -> Exception:
    """Return the error that came first: a session that is lost cannot go back to its savepoint either."""
    first = error.__context__
    return first if isinstance(first, Exception) and error.__cause__ is None else error


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)
