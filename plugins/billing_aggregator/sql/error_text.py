"""Where in a script an error happened, and what may be told of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from billing_aggregator.errors.kinds import sqlstate
from billing_aggregator.errors.text import DATA_EXCEPTION, HIDDEN

if TYPE_CHECKING:
    from billing_aggregator.sql.runner import StatementError

MAX_STATEMENT = 120


def script_error_text(failed: StatementError, script: str) -> str:
    """Return ``script, line N: message (SQLSTATE)`` and the statement's beginning below it.

    The server tells a position for errors that it finds in the text itself (syntax, missing objects); errors of the
    data have none, then the line is the one that the statement begins in.
    """
    error = failed.error
    diagnostics = getattr(error, "diag", None)
    message = getattr(diagnostics, "message_primary", None) or str(error).strip().partition("\n")[0]
    state = sqlstate(error)
    if state and state.startswith(DATA_EXCEPTION):
        message = re.sub(r'"[^"]*"', f'"{HIDDEN}"', message)
    suffix = f" ({state})" if state else ""
    if failed.statement is None:
        return f"{script}: {message}{suffix}"
    position = getattr(diagnostics, "statement_position", None)
    at = 0 if position is None else max(0, int(position) - 1 - failed.before)
    line = failed.statement.line + failed.statement.text.count("\n", 0, at)
    return f"{script}, line {line}: {message}{suffix}\n  statement: {failed.statement.excerpt(MAX_STATEMENT)}"
