"""A store that tells how many bytes were read, for progress bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing_aggregator.export.store.protocol import ReadableStore


class WatchedStore:
    """A store whose reader is watched.

    :param read: is told the bytes of each piece; None: nobody is.
    """

    def __init__(self, store: ReadableStore, read: Callable[[int], None] | None) -> None:
        self._store = store
        self._read = read

    def url(self, key: str) -> str:
        """Return the URL of a key."""
        return self._store.url(key)

    def stream(
        self, key: str, version_id: str | None = None, *, start: int = 0, etag: str | None = None
    ) -> Iterator[bytes]:
        """Yield a file's bytes."""
        for piece in self._store.stream(key, version_id, start=start, etag=etag):
            if self._read is not None:
                self._read(len(piece))
            yield piece
