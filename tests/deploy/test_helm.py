"""helm/: values that both schemas accept, misspelt keys that they refuse, objects that Kubernetes accepts."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import helm_python
import jsonschema
import kubernetes_validate
import pytest
import yaml

from billing_aggregator.config import ClientConfig, EnvironmentSettings, load_clients
from tests.deploy.support import IMAGE, ROOT, airflow_options, missing_tool, pins

CHART = ROOT / "helm/billing-data-aggregator"
ENVIRONMENTS = ("dev", "stage", "prod", "local")
OFFICIAL = "1.22.0"
OFFICIAL_SCHEMA = Path(__file__).parent / f"schema/airflow-{OFFICIAL}.values.schema.json.gz"
# Keys whose value is a secret, unless it names the place of one.
SECRET_KEY = re.compile(r"(password|pass|token|fernetkey|secretkey|jwtsecret|privatekey)$", re.IGNORECASE)
URL_WITH_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s@]+@")

Values = dict[str, Any]


def merged(base: Values, layer: Values) -> Values:
    """Merge values as Helm does: mappings key by key, everything else replaced."""
    result = dict(base)
    for key, value in layer.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


def load(path: Path) -> Values:
    values: Values = yaml.safe_load(path.read_text())
    return values


def environment_values(environment: str) -> Values:
    return load(ROOT / f"helm/env/{environment}.yaml")


def all_values(environment: str) -> Values:
    return merged(load(CHART / "values.yaml"), environment_values(environment))


def documents(manifests: dict[str, str]) -> list[Values]:
    texts = (text for name, text in sorted(manifests.items()) if not name.endswith("NOTES.txt"))
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


def render(values: Values, chart: Path = CHART, *, official: bool = False) -> list[Values]:
    given = merged(values, {"airflow": {"enabled": official}})
    return documents(helm_python.Chart.load(chart).render(given, name="bda", namespace="billing"))


def official_problems(values: Values) -> list[str]:
    """Return what the official chart would refuse, and the keys at its top level that it would silently ignore."""
    schema = json.loads(gzip.decompress(OFFICIAL_SCHEMA.read_bytes()))
    own = {key: value for key, value in values.items() if key != "enabled"}
    problems = [f"{error.json_path}: {error.message}" for error in jsonschema.Draft7Validator(schema).iter_errors(own)]
    return problems + [f"{key}: unknown" for key in sorted(set(own) - set(schema["properties"]))]


def inline_secrets(value: Any, place: str = "") -> list[str]:
    """Return the places below *value* that contain a secret itself."""
    if isinstance(value, dict):
        found = [f"{place}.{key}" for key, item in value.items() if SECRET_KEY.search(str(key)) and _is_text(item)]
        return found + [hit for key, item in value.items() for hit in inline_secrets(item, f"{place}.{key}")]
    if isinstance(value, list):
        return [hit for index, item in enumerate(value) for hit in inline_secrets(item, f"{place}[{index}]")]
    if isinstance(value, str) and value.startswith("{"):
        try:
            return inline_secrets(json.loads(value), place)
        except ValueError:
            return []
    return [place] if isinstance(value, str) and URL_WITH_PASSWORD.search(value) else []


def _is_text(value: Any) -> bool:
    # A variable's name is not a secret: ExternalSecret calls the name of a key secretKey.
    return isinstance(value, str) and value != "" and not re.fullmatch(r"(AIRFLOW_CONN|BDA)_[A-Z0-9_-]+", value)


def images(document: Any) -> list[str]:
    if isinstance(document, dict):
        own = [document["image"]] if isinstance(document.get("image"), str) else []
        return own + [image for item in document.values() for image in images(item)]
    if isinstance(document, list):
        return [image for item in document for image in images(item)]
    return []


def assert_sound(rendered: list[Values]) -> None:
    """Assert that Kubernetes accepts the objects, that none appears twice, that images are pinned."""
    places = Counter((item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]) for item in rendered)
    assert [place for place, number in places.items() if number > 1] == []
    for item in rendered:
        if "." not in item["apiVersion"].split("/")[0] or item["apiVersion"].split("/")[0].endswith(".k8s.io"):
            kubernetes_validate.validate(item, kubernetes_validate.latest_version(), strict=True)
        for image in images(item):
            match = IMAGE.fullmatch(image)
            assert match, f"{image} has no tag"
            assert match["tag"] != "latest"


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
def test_rendered_objects_are_valid(environment: str) -> None:
    rendered = render(environment_values(environment))
    kinds = sorted(item["kind"] for item in rendered)
    external = [] if environment == "local" else ["ExternalSecret"]
    assert kinds == sorted(["ConfigMap", "Pod", *external])
    assert_sound(rendered)
    assert {item["metadata"]["namespace"] for item in rendered} == {"billing"}


def test_kubernetes_would_refuse_a_misspelt_field() -> None:
    rendered = render(environment_values("prod"))
    pod = next(item for item in rendered if item["kind"] == "Pod")
    pod["spec"]["containers"][0]["imagge"] = "x"
    with pytest.raises(kubernetes_validate.ValidationError):
        assert_sound(rendered)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_secret_is_in_values_or_objects(environment: str) -> None:
    assert inline_secrets(all_values(environment)) == []
    assert inline_secrets(render(environment_values(environment))) == []


@pytest.mark.parametrize(
    "planted",
    [
        {"airflow": {"fernetKey": "abc"}},
        {"airflow": {"data": {"metadataConnection": {"pass": "abc"}}}},
        {"airflow": {"env": [{"name": "AIRFLOW_CONN_X", "value": '{"conn_type": "aws", "password": "abc"}'}]}},
        {"airflow": {"env": [{"name": "AIRFLOW_CONN_X", "value": "postgres://octopus:abc@db/octopus"}]}},
    ],
)
def test_a_planted_secret_is_found(planted: Values) -> None:
    assert len(inline_secrets(merged(all_values("prod"), planted))) == 1


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_airflow_knows_every_option(environment: str) -> None:
    config = all_values(environment)["airflow"]["config"]
    options = {(section, option) for section, entries in config.items() for option in entries}
    assert options <= airflow_options()


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
    assert secret == {"BDA_DB_PASSWORD", "BDA_S3_ACCESS_KEY", "BDA_S3_SECRET_ACCESS_KEY"}
    assert all(allowed.match(name) for name in secret)
    assert not any(allowed.match(name) for name in plain)


def test_every_container_reads_the_runtime_objects() -> None:
    rendered = render(environment_values("prod"))
    runtime = {(item["kind"], item["metadata"]["name"]) for item in rendered if item["kind"] != "Pod"}
    text = all_values("prod")["airflow"]["extraEnvFrom"].replace("{{ .Release.Name }}", "bda")
    read = {(next(iter(source)), next(iter(source.values()))["name"]) for source in yaml.safe_load(text)}
    assert read == {("configMapRef", "bda-runtime-bda"), ("secretRef", "bda-runtime-bda")}
    assert runtime == {("ConfigMap", "bda-runtime-bda"), ("ExternalSecret", "bda-runtime-bda")}


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("[warning] Could not import graphviz.\nNo data found", 0),
        ("bundle_name | filepath | error\ndags-folder | broken.py | No module named 'x'", 1),
        ("", 1),
    ],
)
def test_pod_of_helm_test_fails_for_an_import_error(tmp_path: Path, said: str, status: int) -> None:
    rendered = render(environment_values("prod"))
    pod = next(item for item in rendered if item["kind"] == "Pod")
    airflow = tmp_path / "airflow"
    airflow.write_text(f"#!/bin/sh\ncase $2 in list-import-errors) cat {tmp_path}/said; exit {status} ;; esac\n")
    airflow.chmod(0o755)
    (tmp_path / "said").write_text(said)
    command = pod["spec"]["containers"][0]["args"]
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(command, env={"PATH": path}, check=False, capture_output=True, text=True)
    assert done.returncode == status
    assert said in done.stdout


def test_lint_has_nothing_but_the_absent_official_chart() -> None:
    result = helm_python.lint(CHART, merged(environment_values("prod"), {"airflow": {"enabled": False}}), strict=True)
    problems = [message["error"] for message in result["messages"] if message["error"] != "icon is recommended"]
    assert problems in ([], ["chart directory is missing these dependencies: airflow"])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_whole_release_is_valid(environment: str, tmp_path: Path) -> None:
    """With the official chart in $BDA_AIRFLOW_CHART (the .tgz that `helm pull` makes)."""
    packed = Path(os.environ.get("BDA_AIRFLOW_CHART", "/nonexistent"))
    if not packed.is_file():
        missing_tool(f"the official Airflow chart {OFFICIAL} is not at hand: set BDA_AIRFLOW_CHART to its .tgz")
    whole = tmp_path / CHART.name
    shutil.copytree(CHART, whole)
    (whole / "charts").mkdir(exist_ok=True)
    shutil.copy(packed, whole / "charts")
    rendered = render(environment_values(environment), whole, official=True)
    assert len(rendered) > len(render(environment_values(environment)))
    assert_sound(rendered)
