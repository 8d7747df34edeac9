"""The Helm chart: its values as Helm merges them, and what it renders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import helm_python
import yaml

from tests.deploy.support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

CHART = ROOT / "helm/billing-data-aggregator"
ENVIRONMENTS = ("dev", "stage", "prod", "local")
OFFICIAL = "1.22.0"

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
