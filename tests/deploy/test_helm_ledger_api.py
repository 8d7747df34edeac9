"""The ledger's API in the chart: off by default; switched on, sound objects that belong to each other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.chart import CHART, Values, environment_values, load, merged, render
from tests.deploy.test_helm_objects import assert_sound
from tests.deploy.test_helm_pods import assert_read_only

ENV = {"BDA_DB_HOST": "octopus.prod.example", "BDA_OIDC_ISSUER": "https://id.example"}
KINDS = {
    "ServiceAccount", "ConfigMap", "Deployment", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler",
    "NetworkPolicy",
}  # fmt: skip
LABELS = {"app.kubernetes.io/component": "ledger-api", "app.kubernetes.io/instance": "bda"}


def objects(**more: Any) -> dict[str, Values]:
    values = merged(environment_values("prod"), {"bda": {"ledgerApi": {"enabled": True, "env": ENV, **more}}})
    rendered = render(values)
    assert_sound(rendered)
    return {item["kind"]: item for item in rendered if item["metadata"]["name"] == "bda-ledger-api"}


def test_it_is_off_by_default() -> None:
    assert load(CHART / "values.yaml")["bda"]["ledgerApi"]["enabled"] is False
    assert all("ledger-api" not in item["metadata"]["name"] for item in render(environment_values("prod")))


def test_its_objects_belong_to_each_other() -> None:
    found = objects()
    assert set(found) == KINDS
    pod = found["Deployment"]["spec"]["template"]
    assert LABELS.items() <= pod["metadata"]["labels"].items()
    selectors = [
        found["Deployment"]["spec"]["selector"]["matchLabels"], found["Service"]["spec"]["selector"],
        found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ]  # fmt: skip
    assert selectors == [LABELS] * 4
    assert found["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == "bda-ledger-api"
    assert "replicas" not in found["Deployment"]["spec"]
    (container,) = pod["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": 8000, "grpc": 50051}
    assert {port["targetPort"] for port in found["Service"]["spec"]["ports"]} == set(ports)
    allowed = found["NetworkPolicy"]["spec"]["ingress"][0]["ports"]
    assert {port["port"] for port in allowed} == set(ports.values())
    assert found["ConfigMap"]["data"] == ENV


def test_its_pods_have_a_read_only_root_and_no_root() -> None:
    found = objects()
    assert_read_only(list(found.values()))
    pod = found["Deployment"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0


def test_posts_under_way_have_their_time() -> None:
    pod = objects()["Deployment"]["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= 5 + 25 + 10
    assert pod["containers"][0]["readinessProbe"]["httpGet"]["path"] == "/healthz"
    assert pod["containers"][0]["livenessProbe"]["httpGet"]["path"] != "/healthz"


@pytest.mark.parametrize(
    "wrong",
    [
        {"env": {"BDA_DB_HOST": "x"}},
        {"env": ENV | {"BDA_DB_PASSWORD": "x"}},
        {"replicas": {"min": 1}},
        {"imagge": {}},
    ],
)
def test_the_schema_refuses(wrong: dict[str, Any]) -> None:
    values = {"bda": {"ledgerApi": {"enabled": True, "env": ENV} | wrong}}
    with pytest.raises(Exception, match=r"ledgerApi|BDA_DB_PASSWORD|imagge"):
        render(merged(environment_values("prod"), values))
