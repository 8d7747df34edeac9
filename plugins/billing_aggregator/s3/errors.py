"""What no retry mends about a store: what it cannot do, and what it does not let us do."""

from __future__ import annotations

from billing_aggregator.errors.kinds import TerminalError


class StoreLacksError(TerminalError):
    """The store cannot do what publication rests on; the message says what it lacks and what to do."""


class StoreRefusesError(TerminalError):
    """The store refuses a request for good; the message names what its policy has to allow."""
