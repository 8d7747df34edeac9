"""docs/deploy.md: MWAA's options and the connections are those of Airflow and of the configuration."""

from __future__ import annotations

import importlib
import json
import re
from functools import cache
from textwrap import dedent
from typing import TYPE_CHECKING

import boto3
import yaml

from billing_aggregator.config import ClientConfig, load_client, load_clients
from billing_aggregator.dag.build import build_dag
from billing_aggregator.night import read_night
from tests.deploy.support import ROOT, airflow_options

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def test_a_night_in_pods_has_as_many_as_the_page_says() -> None:
    text = " ".join(DEPLOY.split())
    dag = build_dag(read_night(load_client("enercity", "prod", environ={})))
    above = {task.task_id: task.upstream_task_ids for task in dag.tasks}
    assert f"with both systems has {len(above)} tasks" in text
    assert f"tasks that wait for each other has {chain(above)}." in text
    assert f"least {chain(above)} × *s*" in text
    assert f"least {len(above)} × *s*" in text
    (example,) = (yaml.safe_load(dedent(block)) for block in re.findall(r"```yaml\n(.*?)```", DEPLOY, re.DOTALL))
    beside = set(example["environments"]["prod"]["executors"])
    pods = {task for task in above if task.split(".")[0].replace("finish", "start") not in beside}
    assert f"the chain has {chain(above, pods)} of them" in text


def chain(above: Mapping[str, set[str]], counted: set[str] | None = None) -> int:
    """Return how many of the counted tasks (or all) wait for each other at most."""

    @cache
    def length(task: str) -> int:
        return (counted is None or task in counted) + max(map(length, above[task]), default=0)

    return max(map(length, above))


def test_connections_of_the_table_are_those_of_the_configuration() -> None:
    rows = dict(re.findall(r"^\| `([\w<>]+)` \| (\w+) \| .*\| `\{", DEPLOY, re.MULTILINE))
    config = next(config for config in load_clients(environ={}) if isinstance(config, ClientConfig))
    pattern = config.database_conn_id.replace(config.client, "<client>").replace(config.environment, "<environment>")
    assert rows == {
        pattern: "postgres",
        pattern.replace("octopus", "kafka"): "kafka",
        pattern.replace("octopus", "cloudfoundry"): "http",
        config.aws_conn_id: "aws",
        config.alerts.smtp_conn_id: "smtp",
        config.alerts.slack_conn_id: "slackwebhook",
    }
    for example in re.findall(r"^\| `[\w<>]+` \| \w+ \|.*`(\{.*\})`", DEPLOY, re.MULTILINE):
        assert json.loads(example)["conn_type"] in rows.values()
