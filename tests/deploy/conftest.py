"""docker-compose.yaml as Compose reads it, for the tests of its services, its wiring and its scripts."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest
import yaml

from tests.deploy.support import COMPOSE, TOOLS


@pytest.fixture(scope="session")
def compose(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The merged and interpolated file; podman-compose needs podman only for its version."""
    shim = tmp_path_factory.mktemp("shim")
    (shim / "podman").write_text("#!/bin/sh\necho podman version 5.0.0\n")
    (shim / "podman").chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BDA_", "AIRFLOW"))}
    environment = kept | {"PATH": f"{shim}:{os.environ['PATH']}"}
    command = [str(TOOLS / "podman-compose"), "-f", str(COMPOSE), "config"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    merged: dict[str, Any] = yaml.safe_load(done.stdout)
    return merged
