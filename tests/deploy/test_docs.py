"""docs/deploy.md: MWAA's options and the connections are those of Airflow and of the configuration."""

from __future__ import annotations

import importlib
import json
import re
from typing import TYPE_CHECKING

import boto3

from billing_aggregator.config import ClientConfig, load_clients
from tests.deploy.support import ROOT, airflow_options

if TYPE_CHECKING:
    import pytest

    from billing_aggregator.local.s3 import LocalS3

DEPLOY = (ROOT / "docs/deploy.md").read_text()


def mwaa_options() -> dict[tuple[str, str], str]:
    """Return (section, option) → value of the document's table."""
    rows = re.findall(r"^ *\| `([a-z_]+)\.([a-z_]+)` \| `([^`]+)`", DEPLOY, re.MULTILINE)
    return {(section, option): value for section, option, value in rows}


def test_mwaa_options_are_airflows() -> None:
    assert len(mwaa_options()) == 4
    assert set(mwaa_options()) <= airflow_options()


def test_mwaa_options_find_connections_in_secrets_manager(s3_server: LocalS3, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the real backend and a Secrets Manager over the wire: it is on the server of S3."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3_server.url,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local-only",
    }.items():
        monkeypatch.setenv(name, value)
    module, _, name = mwaa_options()["secrets", "backend"].rpartition(".")
    keywords = json.loads(mwaa_options()["secrets", "backend_kwargs"])
    backend = getattr(importlib.import_module(module), name)(**keywords)
    example = re.search(r"^\| `octopus_.*`(\{.*\})`", DEPLOY, re.MULTILINE)
    assert example
    store = boto3.client("secretsmanager")
    for conn_id in ("octopus_enercity_prod", "octopus_q-cells_prod", "aws_default"):
        store.create_secret(Name=f"airflow/connections/{conn_id}", SecretString=example[1])
    for conn_id in ("octopus_enercity_prod", "octopus_q-cells_prod"):
        assert json.loads(backend.get_conn_value(conn_id))["schema"] == "octopus"
    assert backend.get_conn_value("aws_default") is None
    assert backend.get_conn_value("octopus_enercity_stage") is None


def test_connections_of_the_table_are_those_of_the_configuration() -> None:
    rows = dict(re.findall(r"^\| `([\w<>]+)` \| (\w+) \| .*\| `\{", DEPLOY, re.MULTILINE))
    config = next(config for config in load_clients(environ={}) if isinstance(config, ClientConfig))
    pattern = config.database_conn_id.replace(config.client, "<client>").replace(config.environment, "<environment>")
    assert rows == {
        pattern: "postgres",
        config.aws_conn_id: "aws",
        config.alerts.smtp_conn_id: "smtp",
        config.alerts.slack_conn_id: "slackwebhook",
    }
    for example in re.findall(r"^\| `[\w<>]+` \| \w+ \|.*`(\{.*\})`", DEPLOY, re.MULTILINE):
        assert json.loads(example)["conn_type"] in rows.values()
