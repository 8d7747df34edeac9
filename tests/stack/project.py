"""A small project for the stack: the real DAG file and package, tiny scripts, one client for each way to go wrong."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import psycopg
import yaml

from billing_aggregator.local.s3 import ACCESS_KEY, SECRET_KEY, LocalS3
from billing_aggregator.local.warehouse import ROLE, create_octopus
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from tests.faults.faulty_s3 import FaultyS3
    from tests.stack.sinks import MailSink, SlackSink, StatsdSink

BUCKET = "alerts"
# What each client's entry says beside its channels.
CLIENTS: dict[str, dict[str, Any]] = {
    "broken": {"alerts": {"smtp_conn_id": "smtp_closed", "slack_conn_id": "slack_missing"}},
    "failing": {},
    "held": {},
    "killed": {"retries": 0},
    "late": {"deadline_minutes": 1},
    "retrying": {},
    "timedout": {"deadline_minutes": 1, "run_timeout_minutes": 1},
    "warning": {"log_level": "DEBUG"},
}  # fmt: skip
RESULTS = """-- Results: one row.
create schema if not exists report_oibl;
drop table if exists report_oibl.bookkeeper_results;
create table report_oibl.bookkeeper_results as select 1 as id, 'a' as name;
"""
UNFIXED = "to_regclass('public.fixed') is null"
# Goes on when the test has created the table public.go_on (to_regclass would keep what it has found first).
WAITS = """do $$ begin
while not exists (select from pg_catalog.pg_class where relname = 'go_on') loop perform pg_sleep(0.2); end loop;
end $$;
"""
SCRIPTS = {
    "init/bookkeeper/010_results.sql": RESULTS,
    # A value of a customer in the server's message; a secret in a script's own message; both at the same moment.
    "init/bookkeeper/failing/020_bad_amount.sql": (
        f"do $$ begin if {UNFIXED} then perform 'Erika Mustermann'::text::numeric; end if; end $$;\n"
    ),
    "init/bookkeeper/failing/020_bad_link.sql": (
        f"do $$ begin if {UNFIXED} then raise exception 'no way to postgres://sap:geheim@erp/db'; end if; end $$;\n"
    ),
    "init/bookkeeper/broken/020_missing.sql": "select 1;\n\nselect *\nfrom report_oibl.nowhere;\n",
    "init/bookkeeper/killed/020_slow.sql": "select pg_sleep(36000);\n",
    "init/bookkeeper/late/020_slow.sql": WAITS,
    "init/bookkeeper/timedout/020_slow.sql": "select pg_sleep(36000);\n",
    "init/bookkeeper/retrying/020_deadlock.sql": (
        "do $$ begin if nextval('public.tries') = 1 then\n"
        "    raise exception 'deadlock detected' using errcode = '40P01'; end if; end $$;\n"
    ),
    "init/bookkeeper/warning/020_says.sql": "do $$ begin raise notice 'seven rows left over'; end $$;\n",
    "prechecks/bookkeeper/warning/100_links.sql": (
        "-- warn: every posting has a document\nselect id, 'no document' as reason from generate_series(1, 3) as id;\n"
    ),
}


def dag_id(client: str) -> str:
    return f"billing_data_aggregator_{client}_local"


def write(
    folder: Path,
    s3: LocalS3 | FaultyS3,
    bucket: str = BUCKET,
    clients: Mapping[str, dict[str, Any]] = CLIENTS,
    scripts: Mapping[str, str] = SCRIPTS,
) -> Path:
    """Write the project below *folder* and return it."""
    shutil.copytree(ROOT / "dags", folder / "dags", ignore=shutil.ignore_patterns("__pycache__", "include"))
    shutil.copytree(ROOT / "plugins", folder / "plugins", ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in scripts.items():
        path = folder / "include/sql" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    defaults = {
        "systems": ["bookkeeper"],
        "s3_bucket": bucket,
        "s3_url": s3.url,
        "schedule": None,
        "freshness_hours": 0,
        "retries": 1,
        "retry_delay_seconds": 1,
    }
    entries = {name: {"local": entry | {"alerts": alerts(name) | dict(entry.get("alerts", {}))}}
               for name, entry in clients.items()}  # fmt: skip
    named = {system for entry in clients.values() for system in entry.get("systems", ())}
    systems: dict[str, Any] = {name: {} for name in sorted(named | {"bookkeeper"})}
    content = {"systems": systems, "defaults": defaults, "clients": entries}
    (folder / "include/clients.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder


def alerts(client: str) -> dict[str, object]:
    return {
        "email": [f"{client}@example.com"],
        "slack": True,
        "slack_conn_id": f"slack_{client}",
        "runbook_url": "https://docs.example.com/runbook",
    }


def variables(
    server: EmbeddedPostgres,
    s3: LocalS3 | FaultyS3,
    mail: MailSink,
    slack: SlackSink,
    statsd: StatsdSink,
    clients: Collection[str] = CLIENTS.keys(),
) -> dict[str, str]:
    """Create each client's database and return the connections of the stack as environment variables."""
    found = {
        "AIRFLOW_CONN_SMTP_DEFAULT": smtp(mail.port),
        # Port 9 (discard) is closed here.
        "AIRFLOW_CONN_SMTP_CLOSED": smtp(9),
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(
            {"conn_type": "aws", "login": ACCESS_KEY, "password": SECRET_KEY, "extra": {"endpoint_url": s3.url}}
        ),
        "AIRFLOW__METRICS__STATSD_ON": "True",
        "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
        "AIRFLOW__METRICS__STATSD_PORT": str(statsd.port),
    }
    for client in clients:
        create_octopus(server, f"octopus_{client}")
        found[f"AIRFLOW_CONN_OCTOPUS_{client.upper()}_LOCAL"] = (
            f"postgres://{ROLE}@{server.host}:{server.port}/octopus_{client}"
        )
        found[f"AIRFLOW_CONN_SLACK_{client.upper()}"] = json.dumps(
            {"conn_type": "slackwebhook", "password": f"http://127.0.0.1:{slack.port}/services/T0/B0/{client}"}
        )
    if "retrying" in clients:
        with psycopg.connect(server.dsn("octopus_retrying"), autocommit=True) as admin:
            admin.execute("create sequence public.tries")
            admin.execute(f"grant usage on public.tries to {ROLE}")
    return found


def smtp(port: int) -> str:
    extra = {
        "from_email": "airflow@example.com",
        "disable_ssl": True,
        "disable_tls": True,
        "timeout": 60,
        "retry_limit": 1,
    }
    return json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra})
