"""How tests wait: for a condition, never for seconds. The limit is for tests that hang, not for slow ones."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
# Enough for a much slower machine with other work on it; below pytest's own limit.
PATIENCE_SECONDS = 900
POLL_SECONDS = 0.1


def wait_for(condition: Callable[[], T], what: str | Callable[[], object] = "", seconds: float = PATIENCE_SECONDS) -> T:
    """Return the first true value of *condition*; fail with *what* was waited for when none comes."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds} s still not: {what() if callable(what) else what}")
        time.sleep(POLL_SECONDS)
    return value
