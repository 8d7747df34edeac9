"""helm/: neither values nor objects contain a secret, and a planted one is found."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.deploy.chart import ENVIRONMENTS, Values, all_values, environment_values, merged, render

# Keys whose value is a secret, unless it names the place of one.
SECRET_KEY = re.compile(r"(password|pass|token|fernetkey|secretkey|jwtsecret|privatekey)$", re.IGNORECASE)
URL_WITH_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s@]+@")


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
