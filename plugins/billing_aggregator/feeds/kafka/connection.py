"""Where the brokers are and how to talk to them: the Airflow connection of Kafka, else ``BDA_KAFKA_*``."""

from __future__ import annotations

import os
import re
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from billing_aggregator.config import ConfigError, read_environment
from billing_aggregator.config.airflow_connections import find_connection, malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.config.feeds import KafkaFeed

KAFKA_TYPES = ("kafka",)
SERVERS = "bootstrap.servers"
LOCAL = "local"
TLS_PROTOCOLS = ("SSL", "SASL_SSL")
MSK_HOST = re.compile(
    r"\.kafka(?:-serverless)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?(?=[:,]|$)", re.IGNORECASE
)
#: What exactly-once rests on; a connection cannot change it.
OWN_SETTINGS = frozenset(
    {"enable.auto.commit", "enable.auto.offset.store", "auto.offset.reset", "isolation.level", "enable.partition.eof",
     "group.id", "group.instance.id", "transactional.id", "enable.idempotence", "acks", "request.required.acks",
     "max.in.flight", "max.in.flight.requests.per.connection", "test.mock.num.brokers"}
)  # fmt: skip
CALLBACKS = ("oauth_cb", "error_cb", "stats_cb", "throttle_cb", "log_cb", "on_commit", "logger")


def kafka_settings(config: ClientConfig, feed: KafkaFeed) -> dict[str, Any]:
    """Return librdkafka's settings to reach the brokers: addresses, TLS, SASL; none that the feed sets itself.

    :raises ConfigError: neither the connection nor BDA_KAFKA_BOOTSTRAP_SERVERS is set, or there is no TLS.
    :raises UnreadableConnectionError: the connection cannot be read, or is malformed.
    """
    name = feed.conn_id or config.kafka_conn_id
    found = find_connection(name, *KAFKA_TYPES)
    if found is None:
        servers = read_environment(os.environ).kafka_bootstrap_servers
        if servers is None:
            raise ConfigError(
                f"no Kafka for {config.client}/{config.environment}: create the Airflow connection {name} (type kafka) "
                "or set BDA_KAFKA_BOOTSTRAP_SERVERS"
            )
        return {SERVERS: servers} | ({} if config.environment == LOCAL else {"security.protocol": "SSL"})
    extra = dict(found.extra_dejson)
    if not isinstance(extra.get(SERVERS), str) or not extra[SERVERS].strip():
        raise malformed(name, f"its extra has no {SERVERS}")
    _require_tls(extra, name, config.environment)
    kept = {key: value for key, value in extra.items() if key not in OWN_SETTINGS and key not in CALLBACKS}
    if "oauth_cb" in extra:
        kept["oauth_cb"] = _imported(extra["oauth_cb"], name)
    elif (region := msk_region(kept)) is not None:
        kept["oauth_cb"] = partial(_msk_token, _msk_signer(name), region)
    return kept


def msk_region(settings: Mapping[str, Any]) -> str | None:
    """Return the AWS region of an MSK cluster that wants IAM; None for any other cluster or mechanism."""
    mechanism = settings.get("sasl.mechanism") or settings.get("sasl.mechanisms")
    host = MSK_HOST.search(str(settings[SERVERS]))
    return host["region"].lower() if mechanism == "OAUTHBEARER" and host else None


def _require_tls(extra: Mapping[str, Any], name: str, environment: str) -> None:
    protocol = str(extra.get("security.protocol", "PLAINTEXT")).upper()
    if environment != LOCAL and protocol not in TLS_PROTOCOLS:
        raise ConfigError(
            f"connection {name}: security.protocol = {protocol!r}, but {environment} needs TLS: one of "
            f"{', '.join(TLS_PROTOCOLS)}"
        )


def _imported(path: Any, name: str) -> Callable[[str], Any]:
    """Return the function of a dotted path, as the provider's connections name callbacks."""
    module, _, attribute = str(path).rpartition(".")
    try:
        found: Callable[[str], Any] = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError):
        raise malformed(name, "its oauth_cb cannot be imported") from None
    return found


def _msk_signer(name: str) -> Any:
    """Return AWS' signer: a package that only clusters with IAM need."""
    try:
        return import_module("aws_msk_iam_sasl_signer").MSKAuthTokenProvider
    except ImportError:
        raise ConfigError(
            f"connection {name} wants MSK IAM: add aws-msk-iam-sasl-signer-python to requirements.txt"
        ) from None


def _msk_token(signer: Any, region: str, _config: str) -> tuple[str, float]:
    """Return a token and its end, in seconds since the epoch: the signer says milliseconds."""
    token, expires = signer.generate_auth_token(region)
    return token, expires / 1000
