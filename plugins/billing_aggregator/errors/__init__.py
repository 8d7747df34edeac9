"""Which errors a retry can help with, and what may be told of an error. Knows no other room."""

from billing_aggregator.errors.kinds import Kind, TerminalError, TransientError, chain, classify, sqlstate
from billing_aggregator.errors.text import first_line, harmless

__all__ = ["Kind", "TerminalError", "TransientError", "chain", "classify", "first_line", "harmless", "sqlstate"]
