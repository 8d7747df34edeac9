"""Results of commands: an exit status, text for people, plain data for machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

DONE, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130


class Result(Protocol):
    """The outcome of a command."""

    @property
    def status(self) -> int:
        """The exit status."""

    def text(self) -> str:
        """Return what a person reads."""

    def data(self) -> dict[str, Any]:
        """Return what a machine reads; has ``ok``."""


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    :param subject: what, such as ``bucket``.
    :param state: ``ok``, ``FAILED`` or ``not configured``.
    :param detail: what was found; with FAILED also the way out.
    """

    subject: str
    state: str
    detail: str

    def text(self) -> str:
        """Return one line."""
        return f"  {self.state:<15} {self.subject:<22} {self.detail}"


def ok(subject: str, detail: str) -> Finding:
    """Return a finding without a problem."""
    return Finding(subject, "ok", detail)


def failed(subject: str, detail: str) -> Finding:
    """Return a finding that would fail a run or an alert."""
    return Finding(subject, "FAILED", detail)


def not_configured(subject: str, detail: str) -> Finding:
    """Return a finding about something that this client does not use."""
    return Finding(subject, "not configured", detail)
