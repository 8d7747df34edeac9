"""The feeds of ``make run``: a broker with the sample events, and each feed's DAG until its topic is drained."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

from billing_aggregator.config import ConfigError, read_environment
from billing_aggregator.config.environment_settings import variable_of
from billing_aggregator.config.feeds import ORDERS
from billing_aggregator.local import report
from billing_aggregator.local.airflow_process import names_connection
from billing_aggregator.local.kafka import SERVERS, LocalKafka, produce

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import ExitStack
    from pathlib import Path

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.local.airflow_process import AirflowProcess
    from billing_aggregator.local.progress import RunProgress

DRAIN = json.dumps({"drain": True})


def enabled_feeds(config: ClientConfig) -> list[str]:
    """Return the names of the client's feeds that are not disabled."""
    return [name for name, feed in config.feeds.items() if feed.enabled]


def named_broker(config: ClientConfig) -> str:
    """Return the brokers that the environment names; empty: one of this machine is to be started."""
    named = f"connection {config.kafka_conn_id}" if names_connection(os.environ, config.kafka_conn_id) else ""
    return named or read_environment(os.environ).kafka_bootstrap_servers or ""


def kafka(config: ClientConfig, samples: Path, stack: ExitStack) -> dict[str, str]:
    """Return the variables of a broker; without one that is named it is one of this machine, with the sample events.

    :param samples: folder with ``<feed>/*.jsonl``: one message a line.
    """
    feeds = [name for name in enabled_feeds(config) if config.feeds[name].kind == "kafka"]
    if not feeds:
        return {}
    settings = read_environment(os.environ)
    named = named_broker(config)
    if named:
        print(report.field("Kafka", named))
        return {}
    broker = stack.enter_context(LocalKafka())
    variables = {"BDA_KAFKA_BOOTSTRAP_SERVERS": broker.servers}
    sent = 0
    for name in feeds:
        feed = config.feeds[name]
        if feed.kind != "kafka":
            continue
        topic = feed.topic
        if settings.db_host is not None and name == ORDERS:
            # A warehouse that stays knows how far a topic was taken, and this broker begins anew.
            topic = f"{topic}-{int(time.time())}"
            variables[variable_of("kafka_orders_topic")] = topic
        sent += produce({SERVERS: broker.servers}, topic, sample_messages(samples / name))
    where = f"local broker {broker.servers} with {sent} sample messages; it ends with this command"
    print(report.field("Kafka", where))
    return variables


def sample_messages(folder: Path) -> Iterator[tuple[str | None, bytes | None]]:
    """Yield (key, value) of each line of the folder's files: the key is the order's id where the line has one.

    :raises ConfigError: there is no such file.
    """
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise ConfigError(f"{folder}: no sample messages here (*.jsonl); set BDA_KAFKA_BOOTSTRAP_SERVERS")
    for file in files:
        for line in file.read_bytes().splitlines():
            yield _key(line), line or None


def _key(line: bytes) -> str | None:
    try:
        found: Any = json.loads(line)
        key = found.get("order_id") if isinstance(found, dict) else None
    except (ValueError, RecursionError):
        return None
    return key if isinstance(key, str) and key else None


def run_feeds(
    config: ClientConfig, airflow: AirflowProcess, variables: Mapping[str, str], progress: RunProgress
) -> Iterator[str]:
    """Run each feed until its topic is drained; yield its name when it has succeeded, and stop at the first failure."""
    for name in enabled_feeds(config):
        drains = config.feeds[name].kind == "kafka"
        progress.note(f"feed {name}: until its topic is drained" if drains else f"feed {name}: this hour's reading")
        for states in airflow.test_dag(config.feed_dag_id(name), DRAIN if drains else "{}", variables):
            progress.show(states)
        progress.end()
        if airflow.exit_status != 0:
            return
        yield name
