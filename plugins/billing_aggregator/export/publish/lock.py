"""Lets one publisher at a time work on a prefix.

The lock is a small object that is written conditionally. A publisher takes it if there is none, if it was released, or
if its holder has not renewed it for its time to live. The same run takes its own lock again, so a repeated task goes on
where the first one stopped. Ages come from the store's clock, so workers' clocks do not matter.

A holder that was suspended for longer than its time to live can still complete an upload before it notices. Therefore
the manifest is written conditionally too: the lock keeps publishers apart, the manifest's condition decides.

Both depend on a store that honours conditions. Some stores accept them and write anyway; so a new holder tries to
overwrite its own lock under false conditions, in both forms, and must be refused.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from billing_aggregator.export.errors import LockLostError, PreconditionFailedError, PublicationInProgressError
from billing_aggregator.s3.conditions import IGNORES
from billing_aggregator.s3.errors import StoreLacksError

if TYPE_CHECKING:
    from types import TracebackType

    from billing_aggregator.export.keys import ExportRun
    from billing_aggregator.export.store.protocol import Store, StoredObject

LOG = logging.getLogger(__name__)
TIME_TO_LIVE = 300.0
WAIT_SECONDS = 60.0
POLL_SECONDS = (0.05, 2.0)
NOBODYS_ETAG = '"00000000000000000000000000000000"'


class PublishLock:
    """The right to publish below a run's prefix, as a context manager.

    :param ttl: seconds without a renewal after which the holder is taken for dead.
    :param wait: seconds to wait for another holder.
    :raises PublicationInProgressError: another run holds the lock for longer than *wait*.
    :raises StoreLacksError: the store does not honour conditions, so a lock would keep nobody out.
    """

    def __init__(self, store: Store, run: ExportRun, *, ttl: float = TIME_TO_LIVE, wait: float = WAIT_SECONDS) -> None:
        self._store = store
        self._run = run
        self._ttl = ttl
        self._wait = wait
        self._holder = uuid.uuid4().hex
        self._etag: str | None = None
        self._lost = False
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._heart = threading.Thread(target=self._beat, name="lock", daemon=True)

    def __enter__(self) -> Self:
        self._take()
        self._prove_conditions()
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._heart.join()
        try:
            self._write(released=True)
        except Exception as problem:
            # The work is done, or its error is about to be raised; the lock expires by itself.
            LOG.warning("the lock %s could not be released: %s", self._run.lock_key, problem)

    def renew(self) -> None:
        """Renew the lock; raise :class:`LockLostError` if another publisher has taken it."""
        try:
            self._write(released=False)
        except PreconditionFailedError:
            self._lost = True
        if self._lost:
            raise LockLostError(f"another publisher has taken {self._store.url(self._run.lock_key)}; try again")

    def _take(self) -> None:
        deadline = time.monotonic() + self._wait
        nap, longest = POLL_SECONDS
        while True:
            found = self._store.read(self._run.lock_key)
            holder = self._holder_of(found)
            if holder is None:
                self._etag = found.etag if found else None
                with suppress(PreconditionFailedError):
                    self._write(released=False)
                    return
            elif time.monotonic() >= deadline:
                raise PublicationInProgressError(
                    f"run {holder} is publishing to {self._store.url(self._run.prefix)}; try again later "
                    f"(its lock runs out {self._ttl:.0f} s after its last sign of life)"
                )
            else:
                time.sleep(min(nap, self._wait))
                nap = min(2 * nap, longest)

    def _prove_conditions(self) -> None:
        """Write the lock under false conditions; what a store writes all the same is a released lock."""
        for header, expected in (("If-None-Match: *", None), ("If-Match", NOBODYS_ETAG)):
            with suppress(PreconditionFailedError):
                self._store.put_if(self._run.lock_key, self._text(released=True), expected)
                raise StoreLacksError(f"{self._store.url(self._run.lock_key)}: {IGNORES.format(header=header)}")

    def _holder_of(self, found: StoredObject | None) -> str | None:
        """Return the id of the run that holds the lock, or None."""
        held = found.json() if found else {}
        if found is None or held["released"] or self._run.is_same(held["run_id"], held.get("run_tag", "")):
            return None
        if found.age > held["ttl"]:
            LOG.warning("run %s has not renewed its lock for %.0f s: taking it over", held["run_id"], found.age)
            return None
        return str(held["run_id"])

    def _write(self, *, released: bool) -> None:
        with self._lock:
            text = self._text(released=released)
            try:
                self._etag = self._store.put_if(self._run.lock_key, text, self._etag)
            except PreconditionFailedError:
                # A reply that was lost: the write that "failed" may have been our own first try of it.
                found = self._store.read(self._run.lock_key)
                if found is None or found.body != text:
                    raise
                self._etag = found.etag

    def _text(self, *, released: bool) -> bytes:
        body = {
            "run_id": self._run.run_id,
            "run_tag": self._run.tag,
            "holder": self._holder,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "ttl": self._ttl,
            "released": released,
            "beat": uuid.uuid4().hex,
        }
        return json.dumps(body, sort_keys=True).encode()

    def _beat(self) -> None:
        while not self._stop.wait(self._ttl / 4):
            try:
                self._write(released=False)
            except PreconditionFailedError:
                self._lost = True
                return
            except Exception as error:
                LOG.warning("the lock could not be renewed, will try again: %s", error)
