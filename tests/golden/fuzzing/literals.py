"""Values as SQL literals."""

from __future__ import annotations

from uuid import UUID

from psycopg import sql


def literal(value: object) -> str:
    """Return a SQL literal."""
    return sql.Literal(str(value) if isinstance(value, UUID) else value).as_string(None)
