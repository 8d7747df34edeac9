"""helm/: values that both schemas accept, misspelt keys that they refuse, options that their readers know."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import helm_python
import jsonschema
import pytest

from billing_aggregator.config import ClientConfig, EnvironmentSettings, load_clients
from tests.deploy.chart import (
    CHART,
    ENVIRONMENTS,
    OFFICIAL,
    Values,
    all_values,
    environment_values,
    load,
    merged,
    render,
)
from tests.deploy.support import ROOT, airflow_options, pins

# Documented by the provider for Kubernetes, which the image has and the tests do not.
OF_THE_IMAGE = {("kubernetes_executor", "worker_pods_creation_batch_size")}
OFFICIAL_SCHEMA = Path(__file__).parent / f"schema/airflow-{OFFICIAL}.values.schema.json.gz"


def official_problems(values: Values) -> list[str]:
    """Return what the official chart would refuse, and the keys at its top level that it would silently ignore."""
    schema = json.loads(gzip.decompress(OFFICIAL_SCHEMA.read_bytes()))
    own = {key: value for key, value in values.items() if key != "enabled"}
    problems = [f"{error.json_path}: {error.message}" for error in jsonschema.Draft7Validator(schema).iter_errors(own)]
    return problems + [f"{key}: unknown" for key in sorted(set(own) - set(schema["properties"]))]


def test_versions_agree() -> None:
    chart, values = load(CHART / "Chart.yaml"), load(CHART / "values.yaml")
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    base = re.search(r"^FROM apache/airflow:([\d.]+)-", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert version
    assert base
    assert chart["version"] == chart["appVersion"] == values["airflow"]["defaultAirflowTag"] == version[1]
    assert values["airflow"]["airflowVersion"] == base[1]
    assert pins(ROOT / f"constraints/mwaa-{base[1]}.txt")["apache-airflow"] == base[1]
    assert [(item["name"], item["version"]) for item in chart["dependencies"]] == [("airflow", OFFICIAL)]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_official_chart_accepts_the_values(environment: str) -> None:
    assert official_problems(all_values(environment)["airflow"]) == []


@pytest.mark.parametrize(
    ("typo", "named"),
    [
        ({"dagProcesor": {"enabled": True}}, "dagProcesor"),
        ({"triggerer": {"replica": 2}}, "replica"),
        ({"scheduler": {"replicas": "two"}}, "two"),
        ({"executor": "Kubernetes"}, "Kubernetes"),
        ({"workers": {"kubernetes": {"resources": {"request": {}}}}}, "request"),
    ],
)
def test_misspelt_keys_of_the_official_chart_are_refused(typo: Values, named: str) -> None:
    problems = official_problems(merged(all_values("prod")["airflow"], typo))
    assert len(problems) == 1
    assert named in problems[0]


@pytest.mark.parametrize(
    ("typo", "named"),
    [
        ({"bda": {"envv": {}}}, "envv"),
        ({"arflow": {}}, "arflow"),
        ({"bda": {"env": {"BDA_LOG_LEVLE": "INFO"}}}, "BDA_LOG_LEVLE"),
        ({"bda": {"env": {"BDA_LOG_LEVEL": "LOUD"}}}, "BDA_LOG_LEVEL"),
        ({"bda": {"env": {"BDA_DB_PORT": 5432}}}, "BDA_DB_PORT"),
        ({"bda": {"env": {"BDA_DB_PASSWORD": "x"}}}, "BDA_DB_PASSWORD"),
        ({"bda": {"externalSecret": {"data": []}}}, "data"),
        ({"bda": {"externalSecret": {"data": [{"envName": "PASSWORD", "remoteKey": "x"}]}}}, "envName"),
    ],
)
def test_misspelt_keys_of_this_chart_are_refused(typo: Values, named: str) -> None:
    with pytest.raises(helm_python.HelmError, match=named):
        render(merged(environment_values("prod"), typo))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_airflow_knows_every_option(environment: str) -> None:
    config = all_values(environment)["airflow"]["config"]
    options = {(section, option) for section, entries in config.items() for option in entries}
    assert options <= airflow_options() | OF_THE_IMAGE


@pytest.mark.parametrize("environment", ["dev", "stage", "prod"])
def test_every_client_of_the_environment_gets_its_connection(environment: str) -> None:
    clients = load_clients(environ=all_values(environment)["bda"]["env"])
    assert {client.environment for client in clients} == {environment}
    names = [client.database_conn_id for client in clients if isinstance(client, ClientConfig)]
    assert len(names) == len(clients)
    entries = all_values(environment)["bda"]["externalSecret"]["data"]
    databases = {item["envName"]: item["remoteKey"] for item in entries if "OCTOPUS" in item["envName"]}
    assert databases == {f"AIRFLOW_CONN_{name.upper()}": f"airflow/connections/{name}" for name in names}


def test_the_schema_has_the_variables_of_the_aggregator() -> None:
    bda = json.loads((CHART / "values.schema.json").read_text())["properties"]["bda"]["properties"]
    plain = {str(field.alias) for field in EnvironmentSettings.model_fields.values() if "Secret" not in str(field)}
    secret = {str(field.alias) for field in EnvironmentSettings.model_fields.values()} - plain
    assert set(bda["env"]["properties"]) == plain
    allowed = re.compile(bda["externalSecret"]["properties"]["data"]["items"]["properties"]["envName"]["pattern"])
    assert secret == {"BDA_CF_CLIENT_SECRET", "BDA_DB_PASSWORD", "BDA_S3_ACCESS_KEY", "BDA_S3_SECRET_ACCESS_KEY"}
    assert all(allowed.match(name) for name in secret)
    assert not any(allowed.match(name) for name in plain)


def test_lint_has_nothing_but_the_absent_official_chart() -> None:
    result = helm_python.lint(CHART, merged(environment_values("prod"), {"airflow": {"enabled": False}}), strict=True)
    problems = [message["error"] for message in result["messages"] if message["error"] != "icon is recommended"]
    assert problems in ([], ["chart directory is missing these dependencies: airflow"])
