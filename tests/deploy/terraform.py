"""Terraform as the tests run it: where it is, with a provider that is already on this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.deploy.support import ROOT, missing_tool

TERRAFORM = ROOT / "terraform"
#: Folder of providers for machines without internet; with internet, `terraform init` fetches them.
PLUGINS = Path(os.environ.get("BDA_TF_PLUGINS", "/opt/tf-plugins"))
ENVIRONMENT = os.environ | {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_CLI_CONFIG_FILE": os.devnull}


def binary() -> str:
    """Return the program; skip loudly where it is not installed."""
    found = shutil.which("terraform")
    return found or missing_tool("terraform is not installed: the modules are only read, not checked by Terraform")


def terraform(folder: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run Terraform in *folder*; a failure is the caller's to judge."""
    command = [binary(), f"-chdir={folder}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, input=stdin, env=ENVIRONMENT, check=False)


def initialised(target: Path) -> Path:
    """Copy the modules and their clients.yaml to *target* and initialise them there; return the root module's folder.

    Skips loudly where the AWS provider can be had from nowhere.
    """
    binary()
    root = target / "terraform"
    shutil.copytree(TERRAFORM, root, ignore=shutil.ignore_patterns(".terraform*"))
    (target / "include").mkdir()
    shutil.copy(ROOT / "include/clients.yaml", target / "include")
    done = initialise(root)
    if done.returncode:
        missing_tool(f"the AWS provider is not here and cannot be fetched: {done.stderr.strip()[-400:]}")
    return root


def initialise(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run ``terraform init`` without the backend, with the provider that is on this machine if there is one."""
    plugins = [f"-plugin-dir={PLUGINS}"] if PLUGINS.is_dir() else []
    return terraform(folder, "init", "-backend=false", "-input=false", "-no-color", *plugins)


def evaluate(module: Path, expression: str, **variables: str) -> Any:
    """Return the value of *expression* in a module that needs no provider."""
    given = [f"-var={name}={value}" for name, value in variables.items()]
    done = terraform(module, "console", *given, stdin=f"jsonencode({expression})\n")
    assert done.returncode == 0, done.stderr
    return json.loads(json.loads(done.stdout))
