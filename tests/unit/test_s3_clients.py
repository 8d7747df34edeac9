"""The settings of an AWS connection apply to every S3 client: one place creates them all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from billing_aggregator.config import ClientConfig, load_client
from billing_aggregator.export.store.factory import client_store
from billing_aggregator.operators.client_exports import ClientPlanOperator, ClientSweepOperator
from billing_aggregator.operators.export_plan import ExportPlanOperator
from billing_aggregator.operators.sweep_exports import SweepExportsOperator
from billing_aggregator.s3.client import client_bucket, client_hook, merged
from billing_aggregator.s3.defaults import client_config

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.local.s3 import LocalS3

PLACE: dict[str, Any] = {"target": "s3://bucket", "client": "enercity", "environment": "prod"}
ROLE = "arn:aws:iam::123456789012:role/billing"
EXTRA: dict[str, Any] = {
    "region_name": "eu-west-1",
    "endpoint_url": "http://s3.example.org:9000",
    "verify": "/etc/ssl/own-ca.pem",
    "config_kwargs": {
        "s3": {"addressing_style": "path"},
        "retries": {"max_attempts": 2},
        "proxies": {"http": "http://proxy.example.org:3128"},
        "request_checksum_calculation": "when_required",
        "read_timeout": 17,
        "signature_version": "s3v4",
        "max_pool_connections": 5,
    },
}


def of_client_operator(config: ClientConfig) -> Any:
    return ClientPlanOperator(
        task_id="plan", client_config=config, export_name="x", table="a.b", options=config.export
    ).get_s3_client()


def of_operator(_: ClientConfig) -> Any:
    return ExportPlanOperator(task_id="plan", export_name="x", table="a.b", **PLACE).get_s3_client()


MAKERS: dict[str, Callable[[ClientConfig], Any]] = {
    "hook": lambda config: client_hook(config).get_conn(),
    "health, first task": lambda config: client_bucket(config)._s3,
    "health, without checksums": lambda config: client_bucket(config, checksums=False)._s3,
    "alerts": lambda config: client_bucket(config, quick=True)._s3,
    "run's exports": of_client_operator,
    "run's sweep": lambda config: ClientSweepOperator(task_id="sweep", client_config=config).get_s3_client(),
    "anybody's exports": of_operator,
    "anybody's sweep": lambda _: SweepExportsOperator(task_id="sweep", **PLACE).get_s3_client(),
    "readers of a manifest": lambda config: client_store(config)._s3,
}


@pytest.fixture(autouse=True)
def _fresh() -> None:
    from airflow.sdk.execution_time.cache import SecretCache

    SecretCache.reset()


def give(monkeypatch: pytest.MonkeyPatch, **extra: Any) -> None:
    connection = {"conn_type": "aws", "login": "key", "password": "p-4711", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))


@pytest.mark.parametrize("who", MAKERS)
def test_settings_of_the_connection_apply(monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    # After another client: botocore changes its arguments.
    boto3.client("s3", region_name="eu-central-1", config=client_config())
    give(monkeypatch)
    client_bucket(load_client("enercity", "local", environ={}))
    give(monkeypatch, **EXTRA)
    client = MAKERS[who](load_client("enercity", "local", environ={}))
    config = client.meta.config
    assert client.meta.endpoint_url == "http://s3.example.org:9000"
    assert client._endpoint.http_session._verify == "/etc/ssl/own-ca.pem"
    assert client._request_signer._credentials.access_key == "key"
    assert config.s3["addressing_style"] == "path"
    assert config.s3["payload_signing_enabled"] is False, "ours, underneath"
    assert config.proxies == {"http": "http://proxy.example.org:3128"}
    assert config.request_checksum_calculation == "when_required"
    assert config.signature_version == "s3v4"
    assert config.max_pool_connections == 5
    quick = who == "alerts"
    assert config.read_timeout == (15 if quick else 17)
    assert config.retries == {"mode": "standard", "total_max_attempts": 1 if quick else 3}
    assert config.connect_timeout == (15 if quick else 10), "ours, underneath"


BARE = ClientConfig(client="enercity", environment="local", s3_bucket="bucket")


@pytest.mark.parametrize("who", MAKERS)
def test_our_defaults_apply_where_the_connection_has_no_setting(monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    give(monkeypatch, region_name="eu-west-1")
    client = MAKERS[who](BARE)
    assert client.meta.config.s3["payload_signing_enabled"] is False
    assert client.meta.config.max_pool_connections == 32
    assert client.meta.config.retries["mode"] == "standard"
    assert client.meta.region_name == "eu-west-1"


@pytest.mark.parametrize("who", MAKERS)
def test_an_endpoint_for_s3_only(monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    give(monkeypatch, service_config={"s3": {"endpoint_url": "http://only-s3:9"}}, region_name="eu-west-1")
    client = MAKERS[who](load_client("enercity", "local", environ={}))
    assert client.meta.endpoint_url == "http://only-s3:9"


def test_the_clients_own_endpoint_and_region_win(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, **EXTRA | {"service_config": {"s3": {"endpoint_url": "http://only-s3:9"}}})
    own = {"BDA_S3_URL": "http://own:1", "BDA_S3_REGION": "eu-north-1"}
    client = client_bucket(load_client("enercity", "local", environ=own))._s3
    assert client.meta.endpoint_url == "http://own:1"
    assert client.meta.region_name == "eu-north-1"


def test_a_role_is_assumed_with_the_connections_settings(monkeypatch: pytest.MonkeyPatch, s3_server: LocalS3) -> None:
    sts = {"sts": {"endpoint_url": s3_server.url}, "s3": {"endpoint_url": s3_server.url}}
    give(monkeypatch, role_arn=ROLE, service_config=sts, region_name="eu-central-1")
    config = load_client("enercity", "local", environ={})
    for who in ("run's exports", "health, first task", "anybody's exports", "readers of a manifest"):
        credentials = MAKERS[who](config)._request_signer._credentials.get_frozen_credentials()
        assert credentials.access_key.startswith("ASIA"), who
        assert credentials.token, who


def test_checksums_that_the_options_switch_off_are_off_in_the_client() -> None:
    config = load_client("enercity", "local", environ={})
    off = config.model_copy(update={"export": config.export.model_copy(update={"checksums": False})})
    for client in (client_bucket(off)._s3, of_client_operator(off)):
        assert client.meta.config.request_checksum_calculation == "when_required"
        assert client.meta.config.response_checksum_validation == "when_required"
    assert client_bucket(config)._s3.meta.config.request_checksum_calculation == "when_supported"
    plan = ExportPlanOperator(task_id="plan", export_name="x", table="a.b", options={"checksums": False}, **PLACE)
    store: Any = plan.get_store("s3://bucket", plan.options)
    assert store._s3.meta.config.request_checksum_calculation == "when_required"
    assert not store.checksums


@pytest.mark.parametrize("who", ["run's exports", "anybody's exports", "health, first task"])
def test_config_kwargs_that_are_not_a_mapping_are_named(monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    give(monkeypatch, config_kwargs="path")
    with pytest.raises(ValueError, match="connection aws_default: extra config_kwargs must be a mapping"):
        MAKERS[who](load_client("enercity", "local", environ={}))


def test_settings_are_merged_in_depth() -> None:
    assert merged({"a": {"x": 1, "y": 1}, "b": 1}, {"a": {"y": 2}, "c": 3}) == {"a": {"x": 1, "y": 2}, "b": 1, "c": 3}
