"""Which errors are retried, and what may be shown of an error. Imports no other room."""

from billing_aggregator.errors.kinds import Kind, TerminalError, TransientError, chain, classify, sqlstate
from billing_aggregator.errors.text import first_line, harmless

__all__ = ["Kind", "TerminalError", "TransientError", "chain", "classify", "first_line", "harmless", "sqlstate"]
