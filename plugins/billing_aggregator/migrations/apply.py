"""Applies migrations to a warehouse: each once, in one transaction with its record, whoever else tries.

The records are ``report_oibl.aggregator_migrations``: one row for each applied file.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from billing_aggregator.errors.kinds import TerminalError
from billing_aggregator.sql.error_text import script_error_text
from billing_aggregator.sql.runner import StatementError, run_script
from billing_aggregator.sql.statements import split_statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from billing_aggregator.migrations.files import Migration
    from billing_aggregator.postgres.protocols import Connection, Cursor

RECORDS = "report_oibl.aggregator_migrations"
# Any number: it lets one session of a warehouse apply migrations at a time.
MIGRATION_LOCK = 7_203_110_014
TABLE = """
create table if not exists report_oibl.aggregator_migrations (
    script text primary key,
    sha256 text not null,
    applied_at timestamptz not null default clock_timestamp(),
    applied_by text not null default current_user,
    statements integer not null,
    seconds numeric(12, 3) not null
);
comment on table report_oibl.aggregator_migrations is
'the files of include/sql/schema that were applied to this warehouse, with their checksum'
"""
RECORD = """
insert into report_oibl.aggregator_migrations (script, sha256, statements, seconds) values (%s, %s, %s, %s)
"""
APPLIED = "select script, sha256, applied_at from report_oibl.aggregator_migrations order by script"
IS_APPLIED = "select from report_oibl.aggregator_migrations where script = %s"
SHOWN_DIGITS = 12


class MigrationRefusedError(TerminalError):
    """What was applied and the files do not fit together; one line for each file, with the way out."""


class MigrationFailedError(Exception):
    """A migration failed and left nothing; the message names file, line and statement.

    The driver's error, its cause, decides about a retry.
    """


class _AppliedMeanwhileError(TerminalError):
    """Another session has applied the file since the records were read."""


@dataclass(frozen=True)
class Applied:
    """A migration that was applied just now.

    :param statements: how many it has.
    :param seconds: from its first statement to the commit.
    """

    script: str
    statements: int
    seconds: float


def apply_migrations(connection: Connection, migrations: Sequence[Migration]) -> list[Applied]:
    """Apply those of *migrations* that are not applied yet, each in a transaction; return them.

    Without migrations nothing is asked or made.

    :raises MigrationRefusedError: an applied file was changed or is missing, or a new one comes too late; nothing is
        applied then.
    :raises MigrationFailedError: a migration failed; those before it stay.
    """
    if not migrations:
        return []
    _ensure_table(connection)
    done = []
    for migration in pending_migrations(connection, migrations):
        guard = _Record(migration)
        try:
            result = run_script(connection, migration.text, guard=guard)
        except _AppliedMeanwhileError:
            pending_migrations(connection, migrations)
            continue
        except StatementError as error:
            raise MigrationFailedError(
                f"{script_error_text(error, migration.script)}\nnothing of this file was applied"
            ) from error
        done.append(Applied(migration.script, result.statements, result.seconds))
    return done


def pending_migrations(connection: Connection, migrations: Sequence[Migration]) -> list[Migration]:
    """Return those of *migrations* that are not applied yet; changes nothing.

    :raises MigrationRefusedError: see :func:`apply_migrations`.
    """
    applied: dict[str, tuple[str, Any]] = {}
    with connection.cursor() as cursor:
        cursor.execute("select to_regclass(%s) is not null", [RECORDS])
        if cursor.fetchone()[0]:
            cursor.execute(APPLIED)
            applied = {script: (sha256, when) for script, sha256, when in cursor.fetchall()}
    connection.rollback()
    problems = list(_problems(migrations, applied))
    if problems:
        raise MigrationRefusedError("\n".join(problems))
    return [migration for migration in migrations if migration.script not in applied]


def _problems(migrations: Iterable[Migration], applied: Mapping[str, tuple[str, Any]]) -> Iterable[str]:
    files = {migration.script: migration for migration in migrations}
    folders = {migration.folder for migration in migrations}
    last: dict[str, str] = {}
    for script, (sha256, when) in applied.items():
        folder = script.split("/")[1]
        if folder not in folders:
            continue
        last[folder] = max(last.get(folder, ""), script)
        if script not in files:
            yield (
                f"include/sql/{script}: was applied to this warehouse on {when:%Y-%m-%d %H:%M} UTC and is missing now; "
                "deploy a version that has it: an applied migration stays, a new one undoes what it did"
            )
        elif files[script].sha256 != sha256:
            yield (
                f"include/sql/{script}: was changed since it was applied on {when:%Y-%m-%d %H:%M} UTC (sha256 "
                f"{sha256[:SHOWN_DIGITS]}… then, {files[script].sha256[:SHOWN_DIGITS]}… now); restore the file and put "
                "the change into a new one with the next number"
            )
    for script, migration in files.items():
        if script not in applied and script < last.get(migration.folder, ""):
            yield (
                f"include/sql/{script}: is new and comes before {last[migration.folder]}, which is applied already; "
                "give it the next number"
            )


def _ensure_table(connection: Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select to_regclass(%s) is null", [RECORDS])
        if cursor.fetchone()[0]:
            cursor.execute("select pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
            cursor.execute("select to_regnamespace('report_oibl') is null")
            if cursor.fetchone()[0]:
                cursor.execute("create schema if not exists report_oibl")
            cursor.execute(TABLE)
    connection.commit()


class _Record:
    """Keeps one file's transaction from being repeated by another session, and records it."""

    def __init__(self, migration: Migration) -> None:
        self._migration = migration
        self._started = 0.0

    def begin(self, cursor: Cursor) -> None:
        """Wait for other sessions; raise an error where one of them has applied the file."""
        cursor.execute("select pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        cursor.execute(IS_APPLIED, [self._migration.script])
        if cursor.rowcount:
            raise _AppliedMeanwhileError
        self._started = time.monotonic()

    def end(self, cursor: Cursor) -> None:
        """Write the record."""
        seconds = round(time.monotonic() - self._started, 3)
        statements = len(split_statements(self._migration.text))
        cursor.execute(RECORD, [self._migration.script, self._migration.sha256, statements, seconds])
