"""Asks slow places from few threads of its own, keeps each answer for a minute, and waits for none too long.

An answer is one of four things: ready; ready but old, because the last try failed; pending, because the place is slow;
broken. Nobody waits for a place that another one has asked already: there is one question at a time for each key.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import structlog

from billing_aggregator.errors.text import first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from concurrent.futures import Future

T = TypeVar("T")
log = structlog.get_logger(__name__)

FRESH_SECONDS = 60.0
# A place that is away is asked again soon, but not by each reload of the page.
RETRY_SECONDS = 15.0
MOST_KEPT = 2_000


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What is known now.

    :param value: the last one that was read; None: none was.
    :param error: why the last try failed, in one harmless line; None: it did not.
    :param pending: a try is under way.
    :param age: seconds since *value* was read.
    """

    value: T | None
    error: str | None
    pending: bool
    age: float

    @property
    def state(self) -> str:
        """``ready``, ``old``, ``slow`` or ``broken``."""
        if self.value is not None:
            return "old" if self.error or (self.pending and self.age > FRESH_SECONDS) else "ready"
        return "broken" if self.error else "slow"


@dataclass
class _Kept:
    value: Any = None
    error: str | None = None
    read_at: float = float("-inf")
    tried_at: float = float("-inf")
    running: Future[Any] | None = None


class Answers:
    """The threads and what they have brought.

    :param threads: how many places are asked at the same time.
    :param clock: seconds that only grow.
    """

    def __init__(self, threads: int = 4, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="publications")
        self._clock = clock
        self._kept: dict[Hashable, _Kept] = {}
        self._lock = Lock()

    async def all(self, questions: Mapping[Hashable, Callable[[], T]], patience: float) -> dict[Hashable, Answer[T]]:
        """Return an answer for each of *questions*, after *patience* seconds at most."""
        running = [future for key, ask in questions.items() if (future := self._start(key, ask)) is not None]
        if running:
            await asyncio.wait([asyncio.wrap_future(future) for future in running], timeout=patience)
        return {key: self._answer(key) for key in questions}

    async def one(self, key: Hashable, ask: Callable[[], T], patience: float) -> Answer[T]:
        """Return the answer to one question, after *patience* seconds at most."""
        return (await self.all({key: ask}, patience))[key]

    async def uncached(self, ask: Callable[[], T]) -> T:
        """Return what *ask* returns, from a thread of these; nothing is kept."""
        return await asyncio.wrap_future(self._pool.submit(ask))

    def _start(self, key: Hashable, ask: Callable[[], Any]) -> Future[Any] | None:
        """Return the try to wait for; None where what is kept is fresh enough."""
        now = self._clock()
        with self._lock:
            kept = self._kept.setdefault(key, _Kept())
            if kept.running is not None:
                return kept.running
            if now - kept.read_at < FRESH_SECONDS or now - kept.tried_at < RETRY_SECONDS:
                return None
            kept.tried_at = now
            kept.running = future = self._pool.submit(self._run, key, kept, ask)
            while len(self._kept) > MOST_KEPT:
                self._kept.pop(next(iter(self._kept)))
        return future

    def _run(self, key: Hashable, kept: _Kept, ask: Callable[[], Any]) -> None:
        try:
            value = ask()
        except Exception as error:
            log.warning("publications page: no answer", place=str(key), error=first_line(error))
            with self._lock:
                kept.error, kept.running, kept.tried_at = first_line(error), None, self._clock()
            return
        with self._lock:
            kept.value, kept.error, kept.running, kept.read_at = value, None, None, self._clock()

    def _answer(self, key: Hashable) -> Answer[Any]:
        with self._lock:
            kept = self._kept.get(key) or _Kept()
            pending, age = kept.running is not None, self._clock() - kept.read_at
            return Answer(kept.value, kept.error, pending, age)
