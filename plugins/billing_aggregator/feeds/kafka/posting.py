"""Posts what was taken: the feed's scripts in their order, one transaction a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.config.text_files import SourceFileError
from billing_aggregator.night.phases import POSTING
from billing_aggregator.sql.runner import StatementError, set_local
from billing_aggregator.sql.scripts import NO_STATEMENT, find_scripts
from billing_aggregator.sql.statements import split_statements

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from billing_aggregator.postgres.protocols import Connection
    from billing_aggregator.sql.statements import Statement


class PostingError(StatementError):
    """A statement of a posting script failed; the message names the script."""

    def __init__(self, script: str, statement: Statement | None, error: Exception) -> None:
        super().__init__(statement, error)
        self.script = script

    def __str__(self) -> str:
        line = f", line {self.statement.line}" if self.statement else ""
        return f"{self.script}{line}: {self.error}"


class Posting:
    """The posting scripts of a feed, read once.

    :param root: the SQL root.
    :param feed: the feed's name.
    :param client: whose own scripts replace the common ones.
    :raises SourceFileError: there are none, or one cannot be read.
    """

    def __init__(self, root: Path, feed: str, client: str) -> None:
        self._statements: list[tuple[str, Statement]] = []
        for script in find_scripts(root, POSTING.name, feed, client):
            statements = split_statements(script.read())
            if not statements:
                raise SourceFileError(f"{script.relative}: {NO_STATEMENT}")
            self._statements += [(script.relative, statement) for statement in statements]
        if not self._statements:
            raise SourceFileError(
                f"{root / POSTING.name / feed}: the feed {feed} has no scripts here; add NNN_name.sql files"
            )

    def post(self, connection: Connection, settings: Mapping[str, str]) -> None:
        """Run all scripts; leaves the commit to the caller, so that a lock can be checked with it.

        :param settings: what the scripts read as ``bda.<name>``.
        :raises PostingError: names the script and the line.
        """
        with connection.cursor() as cursor:
            set_local(cursor, settings)
            for script, statement in self._statements:
                try:
                    cursor.execute(statement.text)
                except Exception as error:
                    raise PostingError(script, statement, error) from error
