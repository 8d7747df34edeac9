"""Feeds in clients.yaml, their variables, and the way to the brokers."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.cli import health_feeds
from billing_aggregator.cli.health_feeds import feed_findings
from billing_aggregator.config import ConfigError, load_client
from billing_aggregator.config.airflow_connections import MalformedConnectionError
from billing_aggregator.feeds.kafka.connection import kafka_settings, msk_region
from billing_aggregator.feeds.kafka.errors import BrokerError, BrokerRefusedError, FencedError, kafka_error

if TYPE_CHECKING:
    from pathlib import Path

    from tests.broker.server import Broker

CLIENTS = """
systems: {orders: {}}
defaults: {systems: [orders], s3_bucket: bucket}
clients:
  shop:
    local:
      feeds:
        orders: {FEED}
    prod:
      feeds:
        orders: {kind: kafka}
"""
CONNECTION = "AIRFLOW_CONN_KAFKA_SHOP_{}"


def load(tmp_path: Path, feed: str = "{kind: kafka}", environment: str = "local", **environ: str) -> Any:
    path = tmp_path / "clients.yaml"
    path.write_text(CLIENTS.replace("{FEED}", feed), encoding="utf-8")
    return load_client("shop", environment, path, environ)


def refused(tmp_path: Path, feed: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, feed, **environ)
    return str(error.value).removeprefix(f"{tmp_path}/clients.yaml: ")


def test_a_feed_has_defaults(tmp_path: Path) -> None:
    config = load(tmp_path)
    feed = config.feeds["orders"]
    assert (feed.topic, feed.events_topic, feed.schedule, feed.run_minutes) == (
        "orders", "billing.events", "@continuous", 10,
    )  # fmt: skip
    assert config.feed_dag_id("orders") == "billing_feed_orders_shop_local"
    assert config.orders.base_currency == "EUR"


def test_variables_name_the_topics_of_the_feed_orders(tmp_path: Path) -> None:
    config = load(tmp_path, BDA_KAFKA_ORDERS_TOPIC="in", BDA_KAFKA_EVENTS_TOPIC="out")
    assert (config.feeds["orders"].topic, config.feeds["orders"].events_topic) == ("in", "out")


@pytest.mark.parametrize(
    ("feed", "message"),
    [
        ("{}", "clients.shop.local: feeds.orders.kind: is missing; it must be given here or in a layer below"),
        ("{kind: pulsar}", "clients.shop.local: feeds.orders.kind = 'pulsar': must be one of kafka, meters"),
        ("{kind: kafka, topik: x}", "clients.shop.local: feeds.orders.topik: unknown key; did you mean topic?"),
        ("{kind: kafka, topic: 'a b'}", "clients.shop.local: feeds.orders.topic = 'a b': must be the name of a Kafka"),
        (
            "{kind: kafka, batch_size: 0}",
            "clients.shop.local: feeds.orders.batch_size = 0: must be a whole number from",
        ),
        ("{kind: kafka, schedule: '@hourly'}", "feeds.orders.schedule = '@hourly': must be @continuous, or a cron"),
        ("{kind: kafka, topic: x, events_topic: x}", "feeds.orders.events_topic = 'x': is the topic that events are"),
        ("[kafka]", "clients.shop.local: feeds.orders"),
    ],
)
def test_a_wrong_feed_is_refused_with_its_place(tmp_path: Path, feed: str, message: str) -> None:
    assert message in refused(tmp_path, feed)


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    assert "BDA_KAFKA_ORDERS_TOPIC = 'a b'" in refused(tmp_path, "{kind: kafka}", BDA_KAFKA_ORDERS_TOPIC="a b")
    text = refused(tmp_path, "{kind: kafka}", BDA_KAFKA_BOOTSTRAP_SERVERS="broker")
    assert "BDA_KAFKA_BOOTSTRAP_SERVERS = 'broker': must be hosts with ports" in text


def settings(config: Any) -> dict[str, Any]:
    return kafka_settings(config, config.feeds["orders"])


def connect(monkeypatch: pytest.MonkeyPatch, environment: str, **extra: Any) -> None:
    value = json.dumps({"conn_type": "kafka", "extra": extra})
    monkeypatch.setenv(CONNECTION.format(environment.upper()), value)


def test_the_connection_comes_before_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = load(tmp_path)
    with pytest.raises(ConfigError, match="create the Airflow connection kafka_shop_local"):
        settings(config)
    monkeypatch.setenv("BDA_KAFKA_BOOTSTRAP_SERVERS", "one:9092,two:9092")
    assert settings(config) == {"bootstrap.servers": "one:9092,two:9092"}
    connect(monkeypatch, "local", **{"bootstrap.servers": "three:9092", "client.id": "x"})
    assert settings(config) == {"bootstrap.servers": "three:9092", "client.id": "x"}


def test_a_connection_cannot_change_what_exactly_once_rests_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"group.id": "mine", "transactional.id": "mine", "isolation.level": "read_uncommitted", "acks": "0"}
    connect(monkeypatch, "local", **{"bootstrap.servers": "a:1"}, **own, error_cb="os.system")
    assert settings(load(tmp_path)) == {"bootstrap.servers": "a:1"}


def test_without_tls_only_the_local_environment_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = load(tmp_path, environment="prod")
    connect(monkeypatch, "prod", **{"bootstrap.servers": "a:1"})
    with pytest.raises(ConfigError, match="'PLAINTEXT', but prod needs TLS: one of SSL, SASL_SSL"):
        settings(config)
    connect(monkeypatch, "prod", **{"bootstrap.servers": "a:1", "security.protocol": "SASL_SSL"})
    assert settings(config)["security.protocol"] == "SASL_SSL"
    monkeypatch.delenv("AIRFLOW_CONN_KAFKA_SHOP_PROD")
    monkeypatch.setenv("BDA_KAFKA_BOOTSTRAP_SERVERS", "a:1")
    assert settings(config) == {"bootstrap.servers": "a:1", "security.protocol": "SSL"}


def test_a_connection_without_brokers_is_malformed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, "local", **{"client.id": "x"})
    with pytest.raises(MalformedConnectionError, match=r"its extra has no bootstrap\.servers"):
        settings(load(tmp_path))


MSK = {
    "bootstrap.servers": "b-1.shop.x1.c2.kafka.eu-central-1.amazonaws.com:9098,"
    "b-2.shop.x1.c2.kafka.eu-central-1.amazonaws.com:9098",
    "security.protocol": "SASL_SSL",
    "sasl.mechanism": "OAUTHBEARER",
}


def test_msk_with_iam_signs_with_the_machines_role(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = load(tmp_path, environment="prod")
    connect(monkeypatch, "prod", **MSK)
    with pytest.raises(ConfigError, match="add aws-msk-iam-sasl-signer-python to requirements"):
        settings(config)
    signer = SimpleNamespace(generate_auth_token=lambda region: (f"token of {region}", 1_700_000_000_500))
    module = SimpleNamespace(MSKAuthTokenProvider=signer)
    monkeypatch.setitem(sys.modules, "aws_msk_iam_sasl_signer", module)
    assert settings(config)["oauth_cb"]("") == ("token of eu-central-1", 1_700_000_000.5)
    assert msk_region(MSK | {"sasl.mechanism": "SCRAM-SHA-512"}) is None
    assert msk_region(MSK | {"bootstrap.servers": "broker.example:9098"}) is None
    serverless = MSK | {"bootstrap.servers": "boot-x.c1.kafka-serverless.us-east-1.amazonaws.com:9098"}
    assert msk_region(serverless) == "us-east-1"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("_ALL_BROKERS_DOWN", BrokerError),
        ("NOT_ENOUGH_REPLICAS", BrokerError),
        ("_FENCED", FencedError),
        ("SASL_AUTHENTICATION_FAILED", BrokerRefusedError),
        ("TOPIC_AUTHORIZATION_FAILED", BrokerRefusedError),
    ],
)
def test_which_errors_a_retry_may_fix(name: str, kind: type[Exception]) -> None:
    error = SimpleNamespace(name=lambda: name, str=lambda: "words")
    assert type(kafka_error(error, "doing")) is kind


def test_health_finds_brokers_and_topics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broker: Broker) -> None:
    config = load(tmp_path)
    (finding,) = feed_findings(config)
    assert (finding.state, "create the Airflow connection kafka_shop_local" in finding.detail) == ("FAILED", True)
    connect(monkeypatch, "local", **{"bootstrap.servers": broker.servers})
    broker.state.topic("orders", make=True)
    assert [[finding.state, finding.subject, finding.detail] for finding in feed_findings(config)] == [
        ["ok", "feed orders", f"orders at {broker.servers}: 4 partitions"],
        ["FAILED", "feed orders", f"billing.events at {broker.servers}: there is no such topic; create it"],
    ]
    broker.refuse(refusing=True)
    monkeypatch.setattr(health_feeds, "ANSWER_SECONDS", 1)
    (finding,) = feed_findings(config)
    assert finding.state == "FAILED"
