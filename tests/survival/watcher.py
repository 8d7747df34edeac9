"""A reader who looks at a client's publication all the time and must only ever see whole runs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from tests.survival.surroundings import Client

PAUSE_SECONDS = 0.1
#: How often the files of a manifest that has not changed are read again, in looks at the manifest.
AGAIN = 20


class Watcher:
    """Reads the manifest again and again, and every byte that it names whenever it has changed, in a thread.

    ``looks`` counts the readings, ``runs`` has the runs that were seen in their order, ``problems`` what was not whole.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.looks = 0
        self.runs: list[str] = []
        self.problems: list[str] = []

    def _watch(self) -> None:
        while not self._over.wait(PAUSE_SECONDS):
            try:
                manifest = self._client.manifest(since=self.runs[-1] if self.runs and self.looks % AGAIN else "")
            except Exception as error:
                self.problems.append(f"{type(error).__name__}: {error}")
                continue
            self.looks += 1
            if manifest is not None and self.runs[-1:] != [manifest.run_id]:
                self.runs.append(manifest.run_id)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if error is None:
            assert self.problems == []
            assert self.looks > 0
