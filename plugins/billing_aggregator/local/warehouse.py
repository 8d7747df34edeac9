"""The Octopus warehouse on an embedded server: database, role of the aggregator, vaults."""

from __future__ import annotations

import gzip
from typing import IO, TYPE_CHECKING

import psycopg
from psycopg import sql

from billing_aggregator.config.load import sql_root
from billing_aggregator.migrations import apply_migrations, find_migrations

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.local.postgres import EmbeddedPostgres

DATABASE = "octopus"
ROLE = "billing_aggregator"
VAULTS = (
    "bookkeeper_vault",
    "datalake_vault",
    "dunning_vault",
    "dunninglock_vault",
    "paymentallocation_vault",
    "receivablemanagement_vault",
)
COPY_BLOCK = 1 << 20


def create_octopus(server: EmbeddedPostgres, database: str = DATABASE, template: str | None = None) -> None:
    """Create *database* and the aggregator's role, which may read the vaults and own ``report_oibl``; no more.

    :param template: an existing database to copy, with its vaults.
    """
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        if admin.execute("select from pg_roles where rolname = %s", [ROLE]).fetchone() is None:
            admin.execute(sql.SQL("create role {} login").format(sql.Identifier(ROLE)))
        source = sql.SQL(" template {}").format(sql.Identifier(template)) if template else sql.SQL("")
        admin.execute(sql.SQL("create database {}{}").format(sql.Identifier(database), source))
        grant = sql.SQL("grant create on database {} to {}")
        admin.execute(grant.format(sql.Identifier(database), sql.Identifier(ROLE)))


def load_vault(server: EmbeddedPostgres, dump: Path, database: str = DATABASE) -> None:
    """Load a plain SQL dump with COPY blocks (``.sql`` or ``.sql.gz``) and let the aggregator read the vaults."""
    with psycopg.connect(server.dsn(database), autocommit=True) as owner, open_dump(dump) as lines:
        for statement in _statements(lines):
            if statement.lower().startswith("copy ") and statement.lower().endswith("from stdin;"):
                with owner.cursor().copy(statement) as copy:
                    for block in _copy_rows(lines):
                        copy.write(block)
            else:
                owner.execute(statement)
    grant_vaults(server, database)


def grant_vaults(server: EmbeddedPostgres, database: str = DATABASE) -> None:
    """Grant the aggregator's role to read every vault that exists, and refresh the planner's statistics."""
    with psycopg.connect(server.dsn(database), autocommit=True) as owner:
        for vault in VAULTS:
            if owner.execute("select from pg_namespace where nspname = %s", [vault]).fetchone() is not None:
                names = {"vault": sql.Identifier(vault), "role": sql.Identifier(ROLE)}
                owner.execute(sql.SQL("grant usage on schema {vault} to {role}").format(**names))
                owner.execute(sql.SQL("grant select on all tables in schema {vault} to {role}").format(**names))
        owner.execute("analyze")


def load_samples(config: ClientConfig, folder: Path, server: Mapping[str, str]) -> None:
    """Make the durable tables of a client's feeds, and fill those that its people fill, such as the tax rates.

    :param folder: with ``<feed>/*.sql``.
    :param server: the ``BDA_DB_*`` variables of a warehouse of this machine.
    """
    with psycopg.connect(
        host=server["BDA_DB_HOST"], port=server["BDA_DB_PORT"], dbname=DATABASE, user=ROLE
    ) as connection:
        apply_migrations(connection, find_migrations(sql_root(config), {*config.systems, *config.feeds}))
        for feed in config.feeds:
            for script in sorted((folder / feed).glob("*.sql")):
                connection.execute(script.read_bytes())


def open_dump(dump: Path) -> IO[str]:
    """Open a dump as text, unpacking ``.gz``."""
    if dump.suffix == ".gz":
        return gzip.open(dump, "rt", encoding="utf-8")
    return dump.open(encoding="utf-8")


def _statements(lines: IO[str]) -> Iterator[str]:
    """Yield the statements of a dump; each ends with a semicolon at a line's end, as dump programs write them."""
    collected: list[str] = []
    for line in iter(lines.readline, ""):
        if not collected and (not line.strip() or line.startswith("--")):
            continue
        collected.append(line)
        if line.rstrip().endswith(";"):
            yield "".join(collected).strip()
            collected = []


def _copy_rows(lines: IO[str]) -> Iterator[str]:
    block: list[str] = []
    size = 0
    for line in iter(lines.readline, ""):
        if line == "\\.\n":
            break
        block.append(line)
        size += len(line)
        if size > COPY_BLOCK:
            yield "".join(block)
            block, size = [], 0
    yield "".join(block)
