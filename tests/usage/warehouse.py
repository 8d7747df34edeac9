"""A warehouse with the usage's durable tables, a night's scripts as the DAG runs them, and what is in the books."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from psycopg.types.range import TimestamptzRange

from billing_aggregator.migrations import apply_migrations, find_migrations
from billing_aggregator.sql.checks import parse_check, run_check
from billing_aggregator.sql.runner import run_script
from billing_aggregator.sql.scripts import find_scripts
from tests.conftest import SQL_ROOT

if TYPE_CHECKING:
    import psycopg

    from tests.usage.model import Platform

ZONE = "America/New_York"
TABLES = "tier, customer, organization, space, meter, resource_kind, resource, reading, measurement, price, agreement"


def migrate(connection: psycopg.Connection[Any]) -> None:
    """Bring the durable tables of the usage up to date."""
    apply_migrations(connection, find_migrations(SQL_ROOT, ["usage"]))


def run_phase(connection: psycopg.Connection[Any], phase: str, day: str) -> None:
    """Run the scripts of one phase for a business date."""
    for script in find_scripts(SQL_ROOT, phase, "usage", "agency"):
        settings = {"business_date": day, "timezone": ZONE, "run_id": f"test {day}", "system": "usage"}
        run_script(connection, script.read(), settings)


def night(connection: psycopg.Connection[Any], day: str) -> dict[str, str]:
    """Run a night up to its postings; return the violated audits with their severity: a failed one stops it."""
    run_phase(connection, "init", day)
    found = violated(connection, "audits")
    if "fail" not in found.values():
        run_phase(connection, "release", day)
        run_phase(connection, "post", day)
    return found


def violated(connection: psycopg.Connection[Any], phase: str) -> dict[str, str]:
    """Return the violated checks of *phase* with their severity."""
    found: dict[str, str] = {}
    for script in find_scripts(SQL_ROOT, phase, "usage", "agency"):
        result = run_check(connection, parse_check(script.read(), script.path), {"timezone": ZONE})
        if result.violations:
            found[script.name] = result.severity
    connection.rollback()
    return found


def empty(admin: psycopg.Connection[Any]) -> None:
    """Empty all tables; a superuser's connection: the ledger's guards have to be switched off for this."""
    admin.execute("set session_replication_role = replica")
    admin.execute(f"truncate {', '.join(f'usage_vault.{name}' for name in TABLES.split(', '))}".encode())
    admin.execute("truncate ledger.transaction, ledger.entry, ledger.account_total, ledger.closed_month")
    admin.execute("set session_replication_role = origin")
    admin.commit()


def write(connection: psycopg.Connection[Any], platform: Platform, orgs: dict[str, str]) -> None:
    """Fill the vault from a model's platform.

    :param orgs: resource -> its organization; the organization's customer is the resource's owner.
    """
    for customer in {owner for owner in platform.owners.values() if owner}:
        connection.execute("insert into usage_vault.customer values (%s, %s)", [customer, f"Customer {customer[:4]}"])
    owner_of = {orgs[name]: owner for (_, name), owner in platform.owners.items()}
    for org, owner in owner_of.items():
        connection.execute("insert into usage_vault.organization values (%s, %s, %s)", [org, f"Org {org[:4]}", owner])
    for (meter, name), kind in platform.kinds.items():
        names = [meter, name, kind, f"space of {orgs[name]}", orgs[name], name.upper()]
        connection.execute("insert into usage_vault.resource values (%s, %s, %s, %s, %s, %s)", names)
    for price in platform.prices:
        during = TimestamptzRange(price.since, price.until)
        row: list[Any] = [price.meter, price.kind, "unit", price.microcredits, price.unit, during]
        connection.execute("insert into usage_vault.price values (%s, %s, %s, %s, %s, %s)", row)
    for hour in list(platform.readings):
        write_reading(connection, platform, hour)
    connection.commit()


def write_reading(connection: psycopg.Connection[Any], platform: Platform, hour: Any) -> None:
    """Insert one of the platform's readings."""
    reading = platform.readings[hour]
    number = connection.execute(
        "insert into usage_vault.reading (taken_at, complete) values (%s, %s) returning reading_id",
        [reading.taken_at, reading.complete],
    ).fetchone()
    assert number is not None
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into usage_vault.measurement (reading_id, meter, resource_id, value) "
            "values (%s, %s, %s, %s::numeric / %s)",
            [(number[0], *key, value.numerator, value.denominator) for key, value in reading.values.items()],
        )


def postings(connection: psycopg.Connection[Any]) -> dict[str, Fraction]:
    """Return idempotency key -> credits of account 401."""
    found = connection.execute(
        "select idempotency_key, case side when 'debit' then amount else -amount end from ledger.transaction "
        "join ledger.entry using (transaction_id) join ledger.account using (account_id) "
        "where account.code = '401' order by transaction_id"
    ).fetchall()
    connection.commit()
    return {key: Fraction(amount) for key, amount in found}
