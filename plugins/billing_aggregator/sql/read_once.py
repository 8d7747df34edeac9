"""Reads files and folders once for many clients, which share most of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from billing_aggregator.config.text_files import SourceFileError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class ReadOnce:
    """Remembers what a function said of the same file or folder, for as long as this object lives.

    Make one for each pass over the clients: what changes on the disk is seen by the next pass.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], tuple[Any, SourceFileError | None]] = {}

    def __call__(self, function: Callable[..., T], *arguments: Any) -> T:
        """Return ``function(*arguments)``; raises the same SourceFileError for the same arguments."""
        key = (function, *arguments)
        if key not in self._known:
            try:
                self._known[key] = (function(*arguments), None)
            except SourceFileError as error:
                self._known[key] = (None, error)
        result: T
        result, problem = self._known[key]
        if problem is not None:
            raise SourceFileError(str(problem))
        return result
