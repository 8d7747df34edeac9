"""Each variable that holds a secret has a canary in these tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from billing_aggregator.config import EnvironmentSettings
from services.ledger_api.settings import ServiceSettings

TESTS = "\n".join(path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.py")))
SECRETS = sorted(
    {
        str(field.alias)
        for model in (EnvironmentSettings, ServiceSettings)
        for field in model.model_fields.values()
        if SecretStr.__name__ in str(field.annotation)
    }
)


@pytest.mark.parametrize("variable", SECRETS)
def test_a_secret_variable_has_a_canary(variable: str) -> None:
    given = re.search(rf'"{variable}": canaries\[', TESTS)
    chosen = re.search(rf'parametrize\("login", \[[^\]]*"{variable}"', TESTS)
    assert given or chosen


def test_there_are_secret_variables() -> None:
    assert len(SECRETS) >= 6
