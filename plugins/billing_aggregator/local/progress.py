"""Shows a run while it happens: one line for each task that ended, what is running, how many are done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing_aggregator.local.airflow_process import TaskState

WIDTH = 62
QUIET_SECONDS = 10
MARKS = {"success": " ", "failed": "!", "skipped": "-", "removed": "-"}


class RunProgress:
    """Prints the tasks of a run as they end.

    On a terminal the last line shows what is running now; elsewhere a line says so when nothing ended for
    ``QUIET_SECONDS`` seconds.

    :param stream: where to print.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._seen: set[str] = set()
        self._started = self._spoken = time.monotonic()

    def note(self, text: str) -> None:
        """Print one plain line."""
        self._print(f"  {text} ...")

    def show(self, states: Sequence[TaskState]) -> None:
        """Print what has changed since the last call."""
        # Tasks that a failure keeps from starting are counted in the summary: a line for each would hide the failure.
        done = [state for state in states if state.state in MARKS]
        for state in done:
            if state.task_id not in self._seen:
                self._seen.add(state.task_id)
                took = f"{state.seconds:8.2f} s" if state.seconds is not None else " " * 10
                note = "" if state.state == "success" else f"  {state.state}"
                counter = f"[{len(self._seen):>3}/{len(states)}]"
                self._print(f" {MARKS[state.state]}{counter} {state.task_id:<{WIDTH}} {took}{note}")
        self._now_running([state.task_id for state in states if state.state == "running"])

    def forget(self) -> None:
        """Begin to count anew: another DAG may have tasks of the same names."""
        self._seen.clear()

    def end(self) -> None:
        """Clear the line that shows what is running."""
        if self._terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _now_running(self, tasks: Sequence[str]) -> None:
        what = ", ".join(tasks) or "waiting for Airflow"
        seconds = time.monotonic() - self._started
        if self._terminal:
            self._stream.write(f"\r\x1b[K  {seconds:5.0f} s  running: {what}"[:120])
            self._stream.flush()
        elif time.monotonic() - self._spoken > QUIET_SECONDS:
            self._print(f"  {seconds:5.0f} s  running: {what}")

    def _print(self, line: str) -> None:
        if self._terminal:
            self._stream.write("\r\x1b[K")
        self._stream.write(f"{line}\n")
        self._stream.flush()
        self._spoken = time.monotonic()
