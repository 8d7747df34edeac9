"""Health of the warehouse: reachable, encrypted, vaults readable, report schema writable."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from billing_aggregator.cli.results import Finding, failed, ok
from billing_aggregator.config import ConfigError
from billing_aggregator.night import read_night
from billing_aggregator.night.vault_tables import vault_tables
from billing_aggregator.runs.preflight import UnreachableError, check_own_session, driver_errors, open_warehouse
from billing_aggregator.runs.report_privileges import report_schema
from billing_aggregator.sql.report_schema import REPORT_SCHEMA
from billing_aggregator.sql.scripts import SourceFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.postgres.protocols import Cursor

OLDEST_VERSION = 140_000
SESSION = """
select current_setting('server_version_num')::int, split_part(current_setting('server_version'), ' ', 1),
    current_user, current_database(), coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false)
"""
READABLE = """
select wanted.name,
    case
        when to_regnamespace(quote_ident(%s)) is null then 'no schema'
        when not has_schema_privilege(quote_ident(%s), 'usage') then 'no usage'
        when to_regclass(quote_ident(%s) || '.' || quote_ident(wanted.name)) is null then 'missing'
        when not has_table_privilege(quote_ident(%s) || '.' || quote_ident(wanted.name), 'select') then 'not readable'
    end
from unnest(string_to_array(%s, ',')) with ordinality as wanted (name, place)
order by wanted.place
"""


def database_findings(config: ClientConfig) -> Iterator[Finding]:
    """Yield the findings in the client's warehouse; one FAILED line when it cannot be reached."""
    try:
        with closing(open_warehouse(config, "bda:health")) as connection, connection.cursor() as cursor:
            check_own_session(config, connection)
            cursor.execute(SESSION)
            number, version, user, database, encrypted = cursor.fetchone()
            tls = "with TLS" if encrypted else "without TLS"
            if number < OLDEST_VERSION:
                yield failed("database", f"PostgreSQL {version} is too old; 14 or newer is needed")
            else:
                yield ok("database", f"PostgreSQL {version}, database {database}, role {user}, {tls}")
            yield from _vaults(cursor, config, user)
            yield _report_schema(cursor)
    except UnreachableError as error:
        yield failed("database", str(error))
    except driver_errors() as error:
        yield failed("database", str(error).strip().splitlines()[0])


def _vaults(cursor: Cursor, config: ClientConfig, user: str) -> Iterator[Finding]:
    try:
        schemas = vault_tables(read_night(config))
    except (ConfigError, SourceFileError) as error:
        yield failed("scripts", str(error))
        return
    for schema, tables in schemas.items():
        cursor.execute(READABLE, [schema] * 4 + [",".join(tables)])
        reasons: dict[str, list[str]] = {}
        for table, reason in cursor.fetchall():
            reasons.setdefault(reason or "", []).append(table)
        wrong = {reason: names for reason, names in reasons.items() if reason}
        if not wrong:
            yield ok(schema, f"{len(tables)} tables readable")
        for reason, names in wrong.items():
            yield failed(schema, _way_out(reason, schema, names, user))


def _way_out(reason: str, schema: str, tables: list[str], user: str) -> str:
    if reason == "no schema":
        return "the schema is not in this database; load the vault, or leave out the system that reads it"
    if reason == "no usage":
        return f"role {user} may not use it: grant usage on schema {schema} to {user}"
    if reason == "missing":
        return f"tables missing: {', '.join(tables)}; load the vault"
    names = ", ".join(f"{schema}.{table}" for table in tables)
    return f"role {user} may not read {', '.join(tables)}: grant select on {names} to {user}"


def _report_schema(cursor: Cursor) -> Finding:
    found = report_schema(cursor)
    return failed(REPORT_SCHEMA, found.lacks) if found.lacks else ok(REPORT_SCHEMA, found.detail)
