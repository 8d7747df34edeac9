"""``migrate``: the durable tables of a client's systems, brought up to date as the first task of a run does."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from billing_aggregator.cli.results import DONE, FAILED
from billing_aggregator.config.load import sql_root
from billing_aggregator.migrations import (
    MigrationFailedError,
    MigrationRefusedError,
    apply_migrations,
    find_migrations,
    pending_migrations,
)
from billing_aggregator.runs.preflight import UnreachableError, driver_errors, open_warehouse

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig

STATEMENT_SECONDS = 3600


@dataclass(frozen=True)
class MigrationReport:
    """What was applied, or would be.

    :param files: how many migrations the client's systems have.
    :param scripts: those that were applied now, in a dry run those that would be.
    :param texts: their SQL, in a dry run.
    :param problems: a line for each thing that went wrong.
    """

    client: str
    environment: str
    dry_run: bool
    files: int
    scripts: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def status(self) -> int:
        """0, or 1 when something went wrong."""
        return FAILED if self.problems else DONE

    def text(self) -> str:
        """Return a line for each migration, in a dry run with its SQL; then problems, else a verdict."""
        done = "would be applied" if self.dry_run else "applied"
        lines = [f"Migrations of {self.client} / {self.environment}"]
        if self.texts:
            for script, text in zip(self.scripts, self.texts, strict=True):
                lines += ["", f"-- {script}: {done}", text.rstrip()]
            lines.append("")
        else:
            lines += [f"  {done:<15} {script}" for script in self.scripts]
        lines += [f"error: {problem}" for problem in self.problems]
        if not self.problems:
            others = self.files - len(self.scripts)
            lines.append(f"{len(self.scripts)} {done}, {others} applied before" if self.files else "no durable tables")
        return "\n".join(lines)

    def data(self) -> dict[str, Any]:
        """Return the same for machines."""
        return {
            "ok": not self.problems,
            "client": self.client,
            "environment": self.environment,
            "dry_run": self.dry_run,
            "files": self.files,
            "would_apply" if self.dry_run else "applied": list(self.scripts),
            "problems": list(self.problems),
        }


def migrate(config: ClientConfig, *, dry_run: bool = False) -> MigrationReport:
    """Apply the migrations of the client's systems; in a dry run, only find out which ones.

    :raises SourceFileError: a file of theirs cannot be used.
    :raises ConfigError: the SQL folder does not exist.
    """
    migrations = find_migrations(sql_root(config), config.systems)
    report = MigrationReport(config.client, config.environment, dry_run, len(migrations))
    if not migrations:
        return report
    names = (config.client, config.environment, dry_run, len(migrations))
    try:
        with closing(open_warehouse(config, "bda:migrate", STATEMENT_SECONDS)) as connection:
            if dry_run:
                pending = pending_migrations(connection, migrations)
                return MigrationReport(*names, tuple(m.script for m in pending), tuple(m.text for m in pending))
            applied = apply_migrations(connection, migrations)
            return MigrationReport(*names, tuple(each.script for each in applied))
    except (MigrationRefusedError, MigrationFailedError, UnreachableError) as error:
        return MigrationReport(*names, problems=tuple(str(error).splitlines()))
    except driver_errors() as error:
        return MigrationReport(*names, problems=(str(error).strip().splitlines()[0],))
