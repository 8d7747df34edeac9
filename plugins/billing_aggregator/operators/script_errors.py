"""What a task says of SQL that failed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from billing_aggregator.sql.error_text import script_error_text
from billing_aggregator.sql.runner import StatementError

if TYPE_CHECKING:
    from collections.abc import Iterator


class SqlScriptError(Exception):
    """A script, check or export query failed; the message names file, line and statement."""


@contextmanager
def naming(file: str) -> Iterator[None]:
    """Name *file* in the error of its statement that fails; raises SqlScriptError."""
    try:
        yield
    except StatementError as error:
        raise SqlScriptError(script_error_text(error, file)) from error
