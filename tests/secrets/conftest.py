"""A client whose every connection has a secret, in a project of its own, and its nights."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import yaml

from billing_aggregator.local.cloudfoundry import CLIENT_ID, LocalPlatform
from billing_aggregator.local.kafka import LocalKafka, produce
from billing_aggregator.local.random_orders import random_orders
from billing_aggregator.local.warehouse import ROLE, create_octopus
from tests.conftest import ROOT, SQL_ROOT
from tests.features.nightly import Nightly
from tests.secrets.canaries import ProcessList, canary, folder, objects, warehouse
from tests.stack import project
from tests.stack.messages import parts
from tests.stack.sinks import MailSink, SlackSink

if TYPE_CHECKING:
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from billing_aggregator.local.s3 import LocalS3

CLIENT = "canary"
DATABASE = "octopus_canary"
BUCKET = "canaries"
NAMES = (
    "database password", "S3 access key", "S3 secret key", "S3 session token", "mail password", "Slack webhook",
    "variable of the database password", "variable of the S3 access key", "variable of the S3 secret key",
    "variable of the platform's secret", "brokers' password",
)  # fmt: skip
#: A client whose usage is read on a platform every hour.
METERED = "metered"
METERS = {
    "systems": ["usage"],
    "usage": {"max_gap_hours": 6},
    "feeds": {"usage": {"kind": "meters", "meters": ["cfapps", "cfservices"], "schedule": "5 * * * *"}},
    "retries": 0,
}
#: A client whose orders come from a topic; at a time of day instead of always, so that a run ends with its topic.
ORDERING = "ordering"
ORDERS = {
    "systems": ["orders"],
    "orders": {"tax_region": "DE", "tax_class": "standard", "base_currency": "EUR"},
    "feeds": {
        "orders": {"kind": "kafka", "topic": "orders", "events_topic": "billing.events", "schedule": "7 * * * *"}
    },
    "retries": 0,
}
SCRIPTS = {
    "init/bookkeeper/010_results.sql": (
        "create schema if not exists report_oibl;\ndrop table if exists report_oibl.new_bookkeeper_results;\n"
        "create table report_oibl.new_bookkeeper_results as select 1 as id, 'a' as name;\n"
    ),
    "init/bookkeeper/020_fails.sql": (
        "do $$ begin if to_regclass('public.fixed') is null then raise exception 'not fixed'; end if; end $$;\n"
    ),
    "release/bookkeeper/010_release.sql": (
        "drop table if exists report_oibl.bookkeeper_results;\n"
        "alter table report_oibl.new_bookkeeper_results rename to bookkeeper_results;\n"
    ),
    "prechecks/bookkeeper/100_warns.sql": "-- warn: nothing is strange\nselect 1 as id\n",
    "archive/customer/names.sql": "-- system: bookkeeper\nselect name, id from report_oibl.bookkeeper_results\n",
}


@dataclass
class Place:
    """What the nights left.

    :param found: place -> content, of everything that the nights wrote or said.
    :param states: of the nights, in their order.
    """

    canaries: dict[str, str]
    variables: dict[str, str]
    found: dict[str, bytes] = field(default_factory=dict)
    states: list[str] = field(default_factory=list)


def connections(
    canaries: dict[str, str], server: EmbeddedPostgres, s3: LocalS3, mail: int, slack: int
) -> dict[str, str]:
    """Return the Airflow connections, each with its secrets."""
    values: dict[str, dict[str, Any]] = {
        f"OCTOPUS_{CLIENT.upper()}_LOCAL": {
            "conn_type": "postgres", "host": server.host, "port": server.port, "schema": DATABASE, "login": ROLE,
            "password": canaries["database password"],
        },
        "AWS_DEFAULT": {
            "conn_type": "aws", "login": canaries["S3 access key"], "password": canaries["S3 secret key"],
            "extra": {"aws_session_token": canaries["S3 session token"], "endpoint_url": s3.url},
        },
        "SMTP_DEFAULT": json.loads(project.smtp(mail))
        | {"login": "billing", "password": canaries["mail password"]},
        "SLACK_ALERTS": {
            "conn_type": "slackwebhook",
            "password": f"http://127.0.0.1:{slack}/services/T0/B0/{canaries['Slack webhook']}",
        },
    }  # fmt: skip
    return {f"AIRFLOW_CONN_{name}": json.dumps(value) for name, value in values.items()}


def prepare(root: Path, server: EmbeddedPostgres, s3: LocalS3) -> dict[str, str]:
    """Write the project of all clients, create their databases and the bucket; return what names it to Airflow."""
    alerts = {"log_level": "DEBUG", "alerts": {"slack_conn_id": "slack_alerts"}}
    project.write(root, s3, BUCKET, {CLIENT: alerts, METERED: METERS | alerts, ORDERING: ORDERS | alerts}, SCRIPTS)
    clients = root / "include/clients.yaml"
    content = yaml.safe_load(clients.read_text(encoding="utf-8"))
    clients.write_text(
        yaml.safe_dump(content | {"systems": {"bookkeeper": {}, "usage": {}, "orders": {}}}), encoding="utf-8"
    )
    for database in (DATABASE, f"octopus_{METERED}", f"octopus_{ORDERING}"):
        create_octopus(server, database)
    s3.create_bucket(BUCKET)
    return {
        "AIRFLOW__CORE__DAGS_FOLDER": str(root / "dags"), "AIRFLOW__CORE__PLUGINS_FOLDER": f"{root}/plugins",
        "PYTHONPATH": f"{root}/plugins:{ROOT}",
    }  # fmt: skip


def of_variables(canaries: dict[str, str], server: EmbeddedPostgres, s3: LocalS3, platform: str) -> dict[str, str]:
    """Return the variables that stand for connections, each with its secret."""
    return {
        "BDA_DB_HOST": server.host, "BDA_DB_PORT": str(server.port), "BDA_DB_NAME": DATABASE,
        "BDA_DB_PASSWORD": canaries["variable of the database password"], "BDA_S3_URL": s3.url,
        "BDA_S3_BUCKET": "no-such-bucket", "BDA_S3_ACCESS_KEY": canaries["variable of the S3 access key"],
        "BDA_S3_SECRET_ACCESS_KEY": canaries["variable of the S3 secret key"],
        "BDA_CF_URL": platform, "BDA_CF_CLIENT_ID": CLIENT_ID,
        "BDA_CF_CLIENT_SECRET": canaries["variable of the platform's secret"],
    }  # fmt: skip


def brokers(canaries: dict[str, str], kafka: LocalKafka, protocol: str) -> dict[str, str]:
    """Return the connection to *kafka*, which knows no SASL: without it the password is there and not asked for."""
    extra = {
        "bootstrap.servers": kafka.servers, "security.protocol": protocol, "sasl.mechanism": "PLAIN",
        "sasl.username": "billing", "sasl.password": canaries["brokers' password"],
    }  # fmt: skip
    return {f"AIRFLOW_CONN_KAFKA_{ORDERING.upper()}_LOCAL": json.dumps({"conn_type": "kafka", "extra": extra})}


@dataclass
class Nights:
    """Runs the DAGs of this place's clients and keeps what they say."""

    nightly: Nightly
    place: Place

    def run(self, dag: str = "billing_data_aggregator_", **changed: str) -> None:
        outcome, log = self.nightly.run(self.place.variables | changed, {}, dag)
        self.place.states.append(outcome["state"])
        self.place.found[f"log of night {len(self.place.states)}"] = log.encode() + json.dumps(outcome).encode()

    def meters(self, platform: LocalPlatform) -> None:
        """Run a feed of usage twice: the platform refuses its secret, and takes it."""
        self.place.variables |= {"BDA_CLIENT_ID": METERED, "BDA_DB_NAME": f"octopus_{METERED}"}
        self.run("billing_feed_usage_")
        platform.secret = self.place.canaries["variable of the platform's secret"]
        self.run("billing_feed_usage_")
        self.place.canaries["the platform's token"] = platform.token

    def orders(self) -> None:
        """Run a feed of orders twice: the brokers know no SASL, and need none."""
        self.place.variables |= {"BDA_CLIENT_ID": ORDERING, "BDA_DB_NAME": f"octopus_{ORDERING}"}
        with LocalKafka() as kafka:
            produce({"bootstrap.servers": kafka.servers}, "orders", random_orders(20, seed=1))
            for protocol in ("SASL_PLAINTEXT", "PLAINTEXT"):
                self.run("billing_feed_orders_", **brokers(self.place.canaries, kafka, protocol))


@pytest.fixture(scope="session")
def place(postgres: EmbeddedPostgres, s3_server: LocalS3, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Four nights: one that fails, one that publishes, one without database, mail and Slack, one without its bucket.

    Then two runs of each feed.
    """
    canaries = {name: canary(name.replace(" ", "-").replace("'", "")) for name in NAMES}
    home, root = tmp_path_factory.mktemp("canaries"), tmp_path_factory.mktemp("project")
    nightly = Nightly(home, prepare(root, postgres, s3_server))
    with MailSink(login=True) as mail, SlackSink() as slack, ProcessList() as processes, LocalPlatform() as platform:
        own = {"BDA_CLIENT_ID": CLIENT, "BDA_ENVIRONMENT": "local"}
        told = connections(canaries, postgres, s3_server, mail.port, slack.port)
        result = Place(canaries, own | told)
        nights = Nights(nightly, result)
        nights.run()
        with psycopg.connect(postgres.dsn(DATABASE), autocommit=True) as admin:
            admin.execute("create table public.fixed ()")
        nights.run()
        broken = connections(canaries, postgres, s3_server, 9, 9)
        nowhere = json.loads(broken[f"AIRFLOW_CONN_OCTOPUS_{CLIENT.upper()}_LOCAL"]) | {"schema": "nowhere"}
        nights.run(**broken | {f"AIRFLOW_CONN_OCTOPUS_{CLIENT.upper()}_LOCAL": json.dumps(nowhere)})
        given = result.variables
        result.variables = own | of_variables(canaries, postgres, s3_server, platform.url)
        nights.run()
        alerts = {name: told[name] for name in ("AIRFLOW_CONN_SMTP_DEFAULT", "AIRFLOW_CONN_SLACK_ALERTS")}
        result.variables |= alerts | {"BDA_SCRIPTS_DIR": str(SQL_ROOT)}
        nights.meters(platform)
        nights.orders()
        nightly.close()
        result.variables = given
        assert mail.logins[0] == canaries["mail password"]
        assert canaries["Slack webhook"].rpartition("/")[2] == slack.posts[0][0]
        result.found |= processes.place()
        sent = ["\n".join([*map(str, each.items()), *parts(each)]) for each in mail.mails]
        result.found["mails"] = "\n".join(sent).encode()
        # The webhook's own path is where the secret belongs.
        result.found["Slack's messages"] = json.dumps([post for _, post in slack.posts]).encode()
    # Airflow's home: the metadata database (XComs, rendered templates, DAGs), logs, configuration.
    result.found |= folder(home) | objects(s3_server.client(), BUCKET)
    for database in (DATABASE, f"octopus_{METERED}", f"octopus_{ORDERING}"):
        result.found |= warehouse(postgres, database)
    return result
