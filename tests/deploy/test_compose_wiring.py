"""docker-compose.yaml: its variables, connections and secrets fit the services and the configuration."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from billing_aggregator.config import ClientConfig, load_client, load_clients
from billing_aggregator.config.feeds import as_kafka
from tests.deploy.support import COMPOSE, ROOT, unknown_airflow_variables

LISTENS = {"postgres": 5432, "s3": 5000, "mail": 1025, "api-server": 8080, "kafka": 9092}


@pytest.fixture(scope="module")
def environment(compose: dict[str, Any]) -> dict[str, str | None]:
    """The environment that all Airflow components share."""
    found: dict[str, str | None] = compose["services"]["scheduler"]["environment"]
    return found


@pytest.fixture(scope="module")
def connections(environment: dict[str, str | None]) -> dict[str, dict[str, Any]]:
    prefix = "AIRFLOW_CONN_"
    return {
        name.removeprefix(prefix).lower(): json.loads(value)
        for name, value in environment.items()
        if name.startswith(prefix) and value is not None
    }


def test_airflow_knows_every_option(environment: dict[str, str | None]) -> None:
    assert unknown_airflow_variables(list(environment)) == []
    assert unknown_airflow_variables(["AIRFLOW__CORE__EXECUTORR"]) == ["AIRFLOW__CORE__EXECUTORR"]


def test_secrets_are_obviously_local(compose: dict[str, Any]) -> None:
    secret = re.compile(r"PASSWORD$|SECRET|_KEY$")
    for name, service in compose["services"].items():
        for variable, value in (service.get("environment") or {}).items():
            if secret.search(variable):
                assert "local-only" in value, f"{name}: {variable}"
            if variable.startswith("AIRFLOW_CONN_") and value is not None:
                assert json.loads(value).get("password", "local-only") == "local-only", f"{name}: {variable}"


def test_connections_reach_the_services(connections: dict[str, dict[str, Any]], compose: dict[str, Any]) -> None:
    reached = [(entry["host"], entry["port"]) for entry in connections.values() if "host" in entry]
    endpoint = re.fullmatch(r"http://([\w-]+):(\d+)", connections["aws_default"]["extra"]["endpoint_url"])
    assert endpoint
    reached.append((endpoint[1], int(endpoint[2])))
    assert {host for host, _ in reached} == {"postgres", "s3", "mail"}
    for host, port in reached:
        assert host in compose["services"]
        assert LISTENS[host] == port
    assert compose["services"]["s3-init"]["environment"]["S3_ENDPOINT"] == f"http://s3:{LISTENS['s3']}"
    assert connections["smtp_default"]["extra"]["from_email"]


def test_wiring_fits_the_configuration(
    environment: dict[str, str | None], connections: dict[str, dict[str, Any]], compose: dict[str, Any]
) -> None:
    found = load_clients(environ={name: value for name, value in environment.items() if value is not None})
    configs = [config for config in found if isinstance(config, ClientConfig) and config.enabled]
    names = ["agency", "enercity", "webshop"]
    assert [(config.client, config.environment) for config in configs] == [(name, "local") for name in names]
    _, config, shop = configs
    own = {each.database_conn_id for each in configs} | {shop.kafka_conn_id}
    assert own | {config.aws_conn_id, config.alerts.smtp_conn_id} == set(connections)
    assert f"AIRFLOW_CONN_{config.alerts.slack_conn_id.upper()}" in environment
    assert connections["aws_default"]["extra"]["region_name"] == config.s3_region
    assert compose["services"]["s3-init"]["environment"]["S3_BUCKET"] == config.s3_bucket
    entry = load_client("enercity", "local", environ={})
    assert config.s3_bucket == entry.s3_bucket


def test_the_ledgers_services_work_on_the_shops_database(connections: dict[str, dict[str, Any]]) -> None:
    """podman-compose leaves profiles out: the file itself is read."""
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    shop = connections["octopus_webshop_local"]["schema"]
    for name, variable in (
        ("shop-migrate", "BDA_DB_NAME"),
        ("shop-rates", "PGDATABASE"),
        ("ledger-role", "PGDATABASE"),
        ("ledger-api", "BDA_DB_NAME"),
    ):
        assert services[name]["environment"][variable] == shop, name
    assert services["shop-migrate"]["command"][-4:] == ["--client", "webshop", "--environment", "local"]
    assert services["ledger-api"]["environment"]["BDA_CLIENT_ID"] == "webshop"


def test_the_shop_has_rates_before_its_feed_runs(compose: dict[str, Any]) -> None:
    """Without rates every invoice would be on hold: `make run` loads them, and so does Compose."""
    services = compose["services"]
    rates = services["shop-rates"]
    file = rates["command"][-1].removeprefix("--file=/")
    assert "insert into billing.tax_rate" in (ROOT / file).read_text(encoding="utf-8")
    assert "./sample:/sample:ro" in rates["volumes"]
    assert "--set=ON_ERROR_STOP=1" in rates["command"]
    ended = "service_completed_successfully"
    assert rates["depends_on"]["shop-migrate"]["condition"] == ended
    for name in ("api-server", "scheduler", "dag-processor", "triggerer"):
        assert services[name]["depends_on"]["shop-rates"]["condition"] == ended, name


def test_the_feed_finds_its_broker_and_its_topics(
    connections: dict[str, dict[str, Any]], compose: dict[str, Any]
) -> None:
    feed = as_kafka(load_client("webshop", "local", environ={}).feeds["orders"])
    kafka = compose["services"]["kafka"]
    assert connections["kafka_webshop_local"]["extra"]["bootstrap.servers"] == f"kafka:{LISTENS['kafka']}"
    assert f"INSIDE://kafka:{LISTENS['kafka']}" in kafka["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert f"INSIDE://:{LISTENS['kafka']}," in kafka["environment"]["KAFKA_LISTENERS"]
    (command,) = compose["services"]["kafka-init"]["command"]
    assert f"for topic in {feed.topic} {feed.events_topic};" in command
    assert compose["services"]["kafka-init"]["image"] == kafka["image"]


@pytest.mark.parametrize("name", ["SLACK_ALERTS", "CLOUDFOUNDRY_AGENCY_LOCAL"])
def test_a_connection_of_the_world_outside_is_the_shells(environment: dict[str, str | None], name: str) -> None:
    assert environment[f"AIRFLOW_CONN_{name}"] is None
