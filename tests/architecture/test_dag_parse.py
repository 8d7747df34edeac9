"""A DAG file is parsed again and again: it loads nothing that is slow and only needed when a task runs."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib

from tests.conftest import ROOT

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
IN_FUNCTIONS: list[str] = SETTINGS["flake8-tidy-imports"]["banned-module-level-imports"]
#: What a DAG is made of.
NEEDED = {"airflow", "billing_aggregator.dag"}
PROVIDERS = [f"airflow.providers.{name}" for name in ("amazon.aws", "postgres.hooks", "slack.hooks", "smtp.hooks")]


def loaded_by(module: str) -> set[str]:
    """Return the modules that a new process has once it has imported *module*."""
    code = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "plugins", capture_output=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_a_dag_file_loads_nothing_slow() -> None:
    loaded = loaded_by("billing_aggregator.dag")
    assert "billing_aggregator.operators.client_exports" in loaded
    assert loaded.isdisjoint({*IN_FUNCTIONS, *PROVIDERS} - NEEDED)


def test_the_command_line_can_be_asked_without_airflow() -> None:
    """It sets AIRFLOW_HOME first, and works where only the package's own requirements are installed."""
    loaded = loaded_by("billing_aggregator.cli")
    assert "billing_aggregator.cli.health" in loaded
    assert loaded.isdisjoint({*IN_FUNCTIONS, *PROVIDERS})
