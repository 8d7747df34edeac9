"""helm/: objects that Kubernetes accepts, and that do what they are for."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.deploy.chart import CHART, ENVIRONMENTS, OFFICIAL, Values, all_values, environment_values, render
from tests.deploy.support import IMAGE, missing_tool


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


def whole_chart(tmp_path: Path) -> Path:
    """Return a copy of the chart with the official one in it: $BDA_AIRFLOW_CHART, the .tgz that `helm pull` makes."""
    packed = Path(os.environ.get("BDA_AIRFLOW_CHART", "/nonexistent"))
    if not packed.is_file():
        missing_tool(f"the official Airflow chart {OFFICIAL} is not at hand: set BDA_AIRFLOW_CHART to its .tgz")
    whole = tmp_path / CHART.name
    shutil.copytree(CHART, whole)
    (whole / "charts").mkdir(exist_ok=True)
    shutil.copy(packed, whole / "charts")
    return whole


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_whole_release_is_valid(environment: str, tmp_path: Path) -> None:
    rendered = render(environment_values(environment), whole_chart(tmp_path), official=True)
    assert len(rendered) > len(render(environment_values(environment)))
    assert_sound(rendered)
