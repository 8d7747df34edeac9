"""What no retry fixes: a store that cannot do what is needed, or does not allow it."""

from __future__ import annotations

from billing_aggregator.errors.kinds import TerminalError


class StoreLacksError(TerminalError):
    """The store cannot do what publication depends on; the message says what it lacks and what to do."""


class StoreRefusesError(TerminalError):
    """The store refuses a request for good; the message names what its policy has to allow."""
