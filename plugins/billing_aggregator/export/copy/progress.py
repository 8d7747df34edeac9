"""Logs every few seconds how far an export is."""

from __future__ import annotations

import logging
import time

LOG = logging.getLogger(__name__)
EVERY_SECONDS = 5.0
MEGABYTE = 1e6


class CopyProgress:
    """Counts rows and bytes and logs them with their rates.

    :param name: what is exported.
    :param expected: rows in all; 0 if unknown.
    """

    def __init__(self, name: str, expected: int) -> None:
        self._name = name
        self._expected = expected
        self._started = self._logged = time.monotonic()
        self.rows = 0
        self.bytes = 0

    def add(self, rows: int, size: int) -> None:
        """Count a batch."""
        self.rows += rows
        self.bytes += size
        now = time.monotonic()
        if now - self._logged >= EVERY_SECONDS:
            self._logged = now
            self.log("exporting")

    def log(self, what: str) -> None:
        """Log one line."""
        seconds = max(self.seconds, 1e-6)
        share = f" ({100 * self.rows / self._expected:.0f} %)" if self._expected else ""
        LOG.info(
            "%s %s: %s rows%s, %.1f MB, %s rows/s, %.1f MB/s",
            what,
            self._name,
            f"{self.rows:,}",
            share,
            self.bytes / MEGABYTE,
            f"{self.rows / seconds:,.0f}",
            self.bytes / MEGABYTE / seconds,
        )

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started
