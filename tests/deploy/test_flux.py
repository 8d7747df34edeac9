"""flux/: current APIs, no field that is not known, one place for the version, packages that unpack as they say."""

from __future__ import annotations

import io
import json
import re
import tarfile
from typing import Any

import hcl2
import jsonschema
import pytest
import yaml
from scripts.package_flux import archive, manifests
from scripts.package_mwaa import build
from scripts.package_terraform import contents

from tests.deploy.chart import all_values, merged
from tests.deploy.support import ROOT
from tests.deploy.test_helm import official_problems

Object = dict[str, Any]
SCHEMA = json.loads((ROOT / "tests/deploy/schema/flux.json").read_text(encoding="utf-8"))
VERSION = "1.2.3"
VARIABLE = re.compile(r"\$\{(\w+)\}")
ENVIRONMENTS = ("dev", "stage", "prod")


def objects(text: str) -> list[Object]:
    return [item for item in yaml.safe_load_all(text) if item]


def cluster(name: str) -> list[Object]:
    return objects((ROOT / "flux/cluster" / name).read_text(encoding="utf-8"))


def problems(item: Object) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in jsonschema.Draft7Validator(SCHEMA).iter_errors(item)]


def substituted(packed: str, folder: str, values: dict[str, str]) -> list[Object]:
    """Return a folder's objects as Flux applies them: variables replaced, except where an annotation forbids it."""
    found: list[Object] = []
    for name, text in manifests(packed, VERSION).items():
        if name.startswith(f"{folder}/"):
            filled = text if "substitute: disabled" in text else VARIABLE.sub(lambda match: values[match[1]], text)
            found += objects(filled)
    return found


def versions(environment: str) -> dict[str, str]:
    (item,) = objects(manifests(environment, VERSION)["versions/versions.yaml"])
    data: dict[str, str] = item["data"]
    return data


def release(environment: str) -> Object:
    items = substituted(environment, "release", {"registry": "registry.example.com/billing"} | versions(environment))
    return next(item for item in items if item["kind"] == "HelmRelease")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_object_is_known(environment: str) -> None:
    items = [item for text in manifests(environment, VERSION).values() for item in objects(text)]
    items += cluster("sync.yaml") + cluster("infrastructure.yaml")
    assert {item["kind"] for item in items} == set(SCHEMA["properties"]["kind"]["enum"])
    assert [line for item in items for line in problems(item)] == []
    named = [(item["kind"], item["metadata"]["name"]) for item in items]
    assert len(named) == len(set(named))


def test_a_misspelt_field_and_an_old_api_are_refused() -> None:
    (first, *_) = cluster("sync.yaml")
    for change, complaint in (
        ({"spec": {"intervall": "1m"}}, "intervall"),
        ({"apiVersion": "source.toolkit.fluxcd.io/v1beta2"}, "was expected"),
        ({"spec": {"url": "https://registry.example.com"}}, "does not match"),
    ):
        assert any(complaint in line for line in problems(merged(first, change)))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_version_is_in_one_place(environment: str) -> None:
    texts = manifests(environment, VERSION)
    assert [name for name, text in texts.items() if VERSION in text] == ["versions/versions.yaml"]
    assert versions(environment) == {"environment": environment, "version": VERSION}
    values = release(environment)["spec"]["values"]["airflow"]
    assert values["defaultAirflowTag"] == VERSION
    assert values["defaultAirflowRepository"] == "registry.example.com/billing/billing-data-aggregator"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_values_are_those_of_helm(environment: str) -> None:
    """As Helm merges them: the chart's, the environment's from the ConfigMap, those of the HelmRelease."""
    (item,) = objects(manifests(environment, VERSION)["release/values.yaml"])
    packed = yaml.safe_load(item["data"]["values.yaml"])
    assert packed == yaml.safe_load((ROOT / f"helm/env/{environment}.yaml").read_text(encoding="utf-8"))
    (source,) = release(environment)["spec"]["valuesFrom"]
    assert (source["kind"], source["name"]) == ("ConfigMap", item["metadata"]["name"])
    final = merged(all_values(environment), release(environment)["spec"]["values"])
    assert official_problems(final["airflow"]) == []


def test_variables_come_from_the_config_maps() -> None:
    """A variable that nobody defines would be empty in the cluster."""
    by_path = {item["spec"]["path"]: item for item in cluster("sync.yaml") + cluster("infrastructure.yaml")
               if item["kind"] == "Kustomization"}  # fmt: skip
    (infrastructure,) = (item for item in cluster("infrastructure.yaml") if item["kind"] == "ConfigMap")
    maps = {infrastructure["metadata"]["name"]: set(infrastructure["data"]),
            "billing-data-aggregator-versions": set(versions("prod"))}  # fmt: skip
    for folder in ("release", "terraform"):
        build_step = by_path[f"./{folder}"]["spec"]["postBuild"]
        defined = set(build_step["substitute"])
        defined |= {name for source in build_step["substituteFrom"] for name in maps[source["name"]]}
        text = "".join(text for name, text in manifests("prod", VERSION).items() if name.startswith(f"{folder}/"))
        used = set(VARIABLE.findall(text))
        assert used
        assert used <= defined
    assert by_path["./release"]["spec"]["dependsOn"] == [{"name": by_path["./versions"]["metadata"]["name"]}]


def test_references_lead_to_objects() -> None:
    items = [item for text in manifests("prod", VERSION).values() for item in objects(text)]
    items += cluster("sync.yaml") + cluster("infrastructure.yaml")
    names = {(item["kind"], item["metadata"]["name"]) for item in items}
    for item in items:
        for key in ("sourceRef", "chartRef"):
            if reference := item.get("spec", {}).get(key):
                assert (reference["kind"], reference["name"]) in names


def test_the_archive_is_the_same_each_time() -> None:
    files = {name: text.encode() for name, text in manifests("prod", VERSION).items()}
    packed = archive(files)
    assert packed == archive(dict(reversed(files.items())))
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert tar.getnames() == sorted(files)
        extracted = tar.extractfile("release/release.yaml")
        assert extracted is not None
        assert extracted.read() == (ROOT / "flux/release/release.yaml").read_bytes()


def test_the_terraform_package_has_what_the_modules_read(tmp_path: Any) -> None:
    bundle = tmp_path / "mwaa"
    build(ROOT, bundle)
    files = contents(ROOT, bundle)
    assert {"terraform/main.tf", "terraform/modules/mwaa/actions.json", "include/clients.yaml"} <= set(files)
    assert {"mwaa/plugins.zip", "mwaa/requirements.txt"} <= set(files)
    assert not [name for name in files if ".terraform" in name or "tfstate" in name]
    # The controller's inputs are inputs of the root module, and its paths are those of the package.
    values = dict.fromkeys(("registry", "version", "environment", "vpc_id", "subnet_ids"), "x")
    (controlled,) = (item for item in substituted("prod", "terraform", values) if item["kind"] == "Terraform")
    variables = hcl2.loads(files["terraform/variables.tf"].decode())["variable"]
    inputs = {name.strip('"') for block in variables for name in block}
    given = {item["name"]: item["value"] for item in controlled["spec"]["vars"]}
    assert set(given) <= inputs
    assert (controlled["spec"]["path"], given["bundle"]) == ("./terraform", "../mwaa")
