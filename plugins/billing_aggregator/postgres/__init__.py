"""Connections to the warehouse: where their secrets come from, what each session sets and checks before its use."""

from billing_aggregator.postgres.connection import postgres_hook
from billing_aggregator.postgres.protocols import Connection, Cursor
from billing_aggregator.postgres.session import (
    POOLED,
    SessionError,
    behind_pooler,
    own_session,
    shares_backends,
)
from billing_aggregator.postgres.settings import session_settings

__all__ = [
    "POOLED",
    "Connection",
    "Cursor",
    "SessionError",
    "behind_pooler",
    "own_session",
    "postgres_hook",
    "session_settings",
    "shares_backends",
]
