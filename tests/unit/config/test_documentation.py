"""docs/configuration.md matches the models."""

from __future__ import annotations

import runpy

from billing_aggregator.config import ClientConfig, EnvironmentSettings
from billing_aggregator.config.descriptions import KEYS
from tests.conftest import ROOT

PAGE = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")


def test_the_tables_are_the_models() -> None:
    """After an intended change, ``python scripts/document_configuration.py`` rewrites the tables."""
    script = runpy.run_path(str(ROOT / "scripts/document_configuration.py"))
    assert script["with_tables"](PAGE) == PAGE


def test_every_variable_and_key_has_its_line() -> None:
    for field in EnvironmentSettings.model_fields.values():
        assert PAGE.count(f"\n| `{field.alias}` |") == 1
    own = set(ClientConfig.model_fields) - {"client", "environment", "dependencies", "needed_from"}
    assert set(KEYS) == own
    for name in own:
        assert f"\n| `{name}` |" in PAGE
