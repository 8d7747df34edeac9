"""Measures the usage: ``python -m benchmarks.bench_usage --measurements 1000000,10000000``.

Seconds of a night's scripts, from estimates to the posting of the month, for a month of so many measurements, and what
posting it again costs; then the peak memory of a reading of many apps. Writes ``build/bench-usage.json``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from billing_aggregator.config.load import load_client
from billing_aggregator.local.postgres import EmbeddedPostgres
from billing_aggregator.local.warehouse import create_octopus
from billing_aggregator.sql.checks import parse_check, run_check
from billing_aggregator.sql.runner import run_script
from billing_aggregator.sql.scripts import find_scripts
from tests.conftest import SQL_ROOT
from tests.usage.warehouse import ZONE, migrate

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[1]
ROLE = "billing_aggregator"
HOURS, CUSTOMERS, MISSED = 744, 100, 5
# A month of New York: readings of every hour but a few, each of the same apps; ten prices, one change of price.
FILL = """
insert into usage_vault.customer (customer_id, name)
select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Customer ' || n
from generate_series(1, %(customers)s) as n;
insert into usage_vault.organization (org_id, name, customer_id)
select ('00000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid, 'Org ' || n,
    ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid
from generate_series(1, %(customers)s) as n;
insert into usage_vault.space (space_id, name, org_id)
select 'space ' || n, 'space ' || n, ('00000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid
from generate_series(1, %(customers)s) as n;
insert into usage_vault.price
select 'cfapps', 'plan ' || kind, 'MB', 7 * kind + 1, 1024, part.during
from generate_series(0, 9) as kind
cross join (
    values (tstzrange('2026-01-01', '2026-03-16')), (tstzrange('2026-03-16', null))
) as part (during);
insert into usage_vault.resource (meter, resource_id, kind_id, space_id, org_id, name)
select 'cfapps', 'app ' || n, 'plan ' || n %% 10, 'space ' || n %% %(customers)s + 1,
    ('00000000-0000-4000-9000-' || lpad((n %% %(customers)s + 1)::text, 12, '0'))::uuid, 'app ' || n
from generate_series(1, %(apps)s) as n;
insert into usage_vault.reading (taken_at)
select timestamptz '2026-03-01 05:00+00' + n * interval '1 hour'
from generate_series(0, %(hours)s - 1) as n
where n %% 150 <> 77;
alter table usage_vault.measurement drop constraint measurement_reading_id_fkey;
insert into usage_vault.measurement (reading_id, meter, resource_id, value)
select reading_id, 'cfapps', 'app ' || n, 64 * (1 + (n + reading_id) %% 31)
from usage_vault.reading
cross join generate_series(1, %(apps)s) as n;
alter table usage_vault.measurement add constraint measurement_reading_id_fkey
foreign key (reading_id) references usage_vault.reading on delete cascade;
analyze;
"""


def month(postgres: EmbeddedPostgres, measurements: int) -> dict[str, Any]:
    """Return the seconds of a night that prices and posts a month of so many measurements, and of the next one."""
    name = f"month_{measurements}"
    create_octopus(postgres, name)
    with psycopg.connect(postgres.dsn(name, ROLE)) as connection:
        connection.execute("create schema if not exists report_oibl")
        migrate(connection)
        values = {"apps": measurements // (HOURS - MISSED), "hours": HOURS, "customers": CUSTOMERS}
        cursor = psycopg.ClientCursor(connection)
        began = time.monotonic()
        cursor.execute(FILL, values)
        connection.commit()
        found: dict[str, Any] = {"apps": values["apps"], "filled_in": round(time.monotonic() - began, 1)}
        found["scripts"] = night(connection, "2026-04-01")
        found["seconds"] = round(sum(found["scripts"].values()), 2)
        found["seconds_again"] = round(sum(night(connection, "2026-04-02").values()), 2)
        posted = connection.execute("select count(*) from ledger.transaction").fetchone()
        rows = connection.execute("select count(*) from usage_vault.measurement").fetchone()
        assert posted == (CUSTOMERS,), posted
        assert rows is not None
        return found | {"measurements": rows[0], "transactions": posted[0]}


def night(connection: psycopg.Connection[Any], day: str) -> dict[str, float]:
    """Run a night up to its postings, with a task's session settings; return the seconds of each script and check."""
    seconds = {}
    session = load_client("agency", "local", environ={}).sql_settings
    settings = {"business_date": day, "timezone": ZONE, "run_id": f"bench {day}", "system": "usage"}
    for phase in ("init", "audits", "release", "post"):
        for script in find_scripts(SQL_ROOT, phase, "usage", "agency"):
            began = time.monotonic()
            if phase == "audits":
                found = run_check(connection, parse_check(script.read(), script.path), settings)
                assert not found.violations, found
                connection.rollback()
            else:
                run_script(connection, script.read(), settings, local=session)
            seconds[f"{phase}/{script.name}"] = round(time.monotonic() - began, 2)
    return seconds


def reading(postgres: EmbeddedPostgres, apps: int) -> dict[str, Any]:
    """Return what a process of its own needs for a reading of so many apps."""
    create_octopus(postgres, f"reading_{apps}")
    with psycopg.connect(postgres.dsn(f"reading_{apps}", ROLE)) as connection:
        migrate(connection)
    command = [sys.executable, "-m", "benchmarks.usage_worker", postgres.dsn(f"reading_{apps}", ROLE), str(apps)]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True)
    figures: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return figures


def main() -> None:
    """Measure what is asked for and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measurements", default="1000000,10000000")
    parser.add_argument("--apps", default="1000,100000")
    options = parser.parse_args()
    figures: dict[str, Any] = {"month": [], "reading": []}
    with EmbeddedPostgres() as postgres:
        parts: tuple[tuple[str, str, Callable[[EmbeddedPostgres, int], dict[str, Any]]], ...] = (
            ("month", options.measurements, month), ("reading", options.apps, reading),
        )  # fmt: skip
        for name, counts, part in parts:
            for count in filter(None, counts.split(",")):
                figures[name].append(part(postgres, int(count)))
                print(json.dumps({name: figures[name][-1]}), flush=True)
    path = ROOT / "build" / "bench-usage.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
