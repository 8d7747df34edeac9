"""Tasks as pods: what each asks of the cluster, one image, and small phases beside the scheduler."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from kubernetes_validate import latest_version, validate

from tests.deploy.chart import Values, all_values, environment_values, load, merged, render
from tests.deploy.support import ROOT, airflow_options
from tests.deploy.test_helm import OF_THE_IMAGE, official_problems
from tests.deploy.test_helm_objects import assert_sound, whole_chart

if TYPE_CHECKING:
    from pathlib import Path

DEPLOYED = ("dev", "stage", "prod")
TWO = load(ROOT / "helm/two-executors.yaml")
QUANTITY = re.compile(r"(?P<number>\d+)(?P<unit>m|Mi|Gi|)")
FACTOR = {"m": 1, "": 1000, "Mi": 1, "Gi": 1024}


def amount(quantity: str) -> int:
    """Return millicores, or mebibytes."""
    match = QUANTITY.fullmatch(quantity)
    assert match, quantity
    return int(match["number"]) * FACTOR[match["unit"]]


@pytest.mark.parametrize("environment", DEPLOYED)
def test_a_task_asks_for_what_it_needs(environment: str) -> None:
    resources = all_values(environment)["airflow"]["workers"]["kubernetes"]["resources"]
    assert set(resources["requests"]) == {"cpu", "memory", "ephemeral-storage"}
    assert set(resources["limits"]) == {"memory", "ephemeral-storage"}, "no limit of CPU: it would only slow tasks down"
    for name, limit in resources["limits"].items():
        assert amount(resources["requests"][name]) <= amount(limit)
    assert amount(resources["requests"]["cpu"]) <= 1000


@pytest.mark.parametrize("environment", DEPLOYED)
def test_two_executors_are_accepted_on_top(environment: str) -> None:
    values = merged(all_values(environment), TWO)["airflow"]
    assert official_problems(values) == []
    assert values["executor"].split(",") == ["KubernetesExecutor", "LocalExecutor"]
    options = {(section, option) for section, entries in values["config"].items() for option in entries}
    assert options <= airflow_options() | OF_THE_IMAGE
    # Its tasks need what a pod of a task has: the role, and memory for as many as run at the same time.
    annotations = all_values(environment)["airflow"]["workers"]["kubernetes"]["serviceAccount"]["annotations"]
    assert set(values["scheduler"]["serviceAccount"]["annotations"]) == set(annotations)
    assert amount(values["scheduler"]["resources"]["limits"]["memory"]) >= 4 * amount("1Gi")


def pod_template(rendered: list[Values]) -> dict[str, Any]:
    """Return the pod that the KubernetesExecutor makes for each task."""
    texts = [text for item in rendered if item["kind"] == "ConfigMap" for name, text in item["data"].items()
             if name == "pod_template_file.yaml"]  # fmt: skip
    (text,) = texts
    pod: dict[str, Any] = yaml.safe_load(text)
    return pod


def containers(document: Any) -> list[dict[str, Any]]:
    """Return every container of an object, and of the pod that a ConfigMap keeps."""
    if isinstance(document, list):
        return [found for item in document for found in containers(item)]
    if not isinstance(document, dict):
        return []
    own = [item for name in ("containers", "initContainers") for item in document.get(name) or ()]
    kept = document.get("pod_template_file.yaml")
    return own + containers(list(document.values())) + containers(yaml.safe_load(kept) if kept else None)


def assert_read_only(rendered: list[Values]) -> None:
    """Assert that no container can write to its root, and that Airflow's have a place for temporary files."""
    found = containers(rendered)
    assert found
    for container in found:
        own = container["securityContext"]
        assert own["readOnlyRootFilesystem"] is True, container["name"]
        assert own["allowPrivilegeEscalation"] is False, container["name"]
        assert own["capabilities"] == {"drop": ["ALL"]}, container["name"]
        if "billing-data-aggregator" in container["image"]:
            assert "/tmp" in [mount["mountPath"] for mount in container["volumeMounts"]], container["name"]


@pytest.mark.parametrize("environment", [*DEPLOYED, "local"])
def test_no_container_can_write_to_its_root(environment: str) -> None:
    values = all_values(environment)["airflow"]
    assert_read_only(render(environment_values(environment)))
    # What the official chart gives to each of its containers; none has a context of its own.
    assert_read_only([{"containers": [{
        "name": "any", "image": values["defaultAirflowRepository"], "volumeMounts": values["volumeMounts"],
        "securityContext": values["securityContexts"]["containers"],
    }]}])  # fmt: skip
    assert [volume["name"] for volume in values["volumes"]] == ["tmp"]
    assert "securityContext" not in repr({name: part for name, part in values.items() if name != "securityContexts"})


@pytest.mark.parametrize("environment", [*DEPLOYED, "local"])
def test_no_container_of_the_whole_release_can_write_to_its_root(environment: str, tmp_path: Path) -> None:
    assert_read_only(render(environment_values(environment), whole_chart(tmp_path), official=True))


@pytest.mark.parametrize("overlay", [{}, TWO], ids=["one executor", "two executors"])
def test_the_pod_of_a_task(overlay: Values, tmp_path: Path) -> None:
    values = merged(environment_values("prod"), overlay)
    rendered = render(values, whole_chart(tmp_path), official=True)
    assert_sound(rendered)
    pod = pod_template(rendered)
    pod["metadata"].setdefault("name", "task")
    validate(pod, latest_version(), strict=True)
    airflow = all_values("prod")["airflow"]
    (base,) = (container for container in pod["spec"]["containers"] if container["name"] == "base")
    assert base["image"] == f"{airflow['defaultAirflowRepository']}:{airflow['defaultAirflowTag']}"
    assert base["resources"] == airflow["workers"]["kubernetes"]["resources"]
    assert pod["spec"]["serviceAccountName"] == airflow["workers"]["kubernetes"]["serviceAccount"]["name"]
    assert pod["spec"]["restartPolicy"] == "Never"
    assert {source for entry in base["envFrom"] for source in entry} >= {"configMapRef", "secretRef"}
