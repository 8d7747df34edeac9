"""terraform/: formatted, valid, and what its own tests promise; with Terraform itself, or loudly skipped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from billing_aggregator.config import ClientConfig, load_clients
from billing_aggregator.config.clients_file import ClientsFile
from tests.deploy.support import ROOT
from tests.deploy.terraform import TERRAFORM, evaluate, initialise, initialised, terraform

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = sorted(path.parent.name for path in TERRAFORM.glob("examples/*/main.tf"))
MODULE = TERRAFORM / "modules/clients"
PLATFORMS = {"kafka": "kafka", "meters": "cloudfoundry"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return initialised(tmp_path_factory.mktemp("modules"))


def test_it_is_formatted() -> None:
    done = terraform(TERRAFORM, "fmt", "-check", "-recursive", "-diff")
    assert done.returncode == 0, done.stdout


def test_it_is_valid(root: Path) -> None:
    done = terraform(root, "validate", "-no-color")
    assert done.returncode == 0, done.stderr
    assert "Success" in done.stdout


def test_its_own_tests_pass(root: Path) -> None:
    done = terraform(root, "test", "-no-color")
    assert done.returncode == 0, done.stdout[-4000:]
    runs = sum(file.read_text(encoding="utf-8").count("\nrun ") for file in TERRAFORM.glob("tests/*.tftest.hcl"))
    assert f"{runs} passed, 0 failed" in done.stdout


@pytest.mark.parametrize("environment", ["dev", "stage", "prod", "playground"])
def test_clients_are_read_as_the_package_reads_them(environment: str) -> None:
    clients = load_clients(environ={"BDA_ENVIRONMENT": environment})
    configs = {config.client: config for config in clients if isinstance(config, ClientConfig) and config.enabled}
    assert configs
    found = evaluate(MODULE, "local.clients", file=str(ROOT / "include/clients.yaml"), environment=environment)
    assert found == {name: expected(config) for name, config in configs.items()}


def test_layers_are_merged_as_the_package_merges_them() -> None:
    """Mappings are merged, everything else is replaced: in a file where the layers overlap."""
    path = TERRAFORM / "tests/clients.yaml"
    raw = {name: ClientsFile(path).entry(name, "prod") for name in ("north", "south", "hourly")}
    found = evaluate(MODULE, "local.clients", file=str(path), environment="prod")
    assert found == {
        name: expected(ClientConfig(client=name, environment="prod", **entry | {"systems": ["bookkeeper"]}))
        for name, entry in raw.items()
    }
    assert found["north"]["slack"] == "slack_alerts"
    assert found["south"]["slack"] is None
    # Feeds of another kind, or switched off, take no events in.
    assert [found[name]["events"] for name in raw] == [False, False, True]


def expected(config: ClientConfig) -> dict[str, object]:
    alerts, export, own = config.alerts, config.export, f"{config.client}_{config.environment}"
    feeds = [feed for feed in config.feeds.values() if feed.enabled]
    return {
        "bucket": config.s3_bucket,
        "template": config.key_template,
        "schedule": config.schedule,
        "deadline": config.deadline_minutes,
        "database": config.database_conn_id,
        "log_level": config.log_level,
        "mail": alerts.smtp_conn_id if alerts.email else None,
        "slack": alerts.slack_conn_id if alerts.slack else None,
        "feeds": sorted({feed.conn_id or f"{PLATFORMS[feed.kind]}_{own}" for feed in feeds}),
        "events": any(feed.kind == "kafka" for feed in feeds),
        "encryption": export.encryption,
        "kms_key": export.kms_key_id,
        "acl": export.acl is not None,
        "tags": bool(export.tags),
    }


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_valid(root: Path, example: str) -> None:
    """In the copy: its call has the inputs that the root module has, of their types, and the outputs that it uses."""
    folder = root / "examples" / example
    text = (folder / "main.tf").read_text(encoding="utf-8")
    assert re.search(rf'^  environment += "{example}"$', text, re.MULTILINE)
    done = initialise(folder)
    assert done.returncode == 0, done.stderr
    done = terraform(folder, "validate", "-no-color")
    assert done.returncode == 0, done.stderr
