"""What terraform/ says without Terraform: actions are those of the code and the page, alarms count what is counted."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import hcl2
import pytest
from scripts.document_terraform import blocks, documented, modules, unquoted

from billing_aggregator.observe.metrics import METRICS
from billing_aggregator.s3.permissions import ACTIONS, ACTIONS_OF_VERSIONS
from tests.deploy.support import ROOT
from tests.deploy.terraform import TERRAFORM, evaluate
from tests.deploy.test_docs import mwaa_options
from tests.deploy.test_requirements import MWAA_VERSIONS
from tests.privileges.page import policy

if TYPE_CHECKING:
    from pathlib import Path

GRANTED: dict[str, list[str]] = json.loads((TERRAFORM / "modules/mwaa/actions.json").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
MODULES = [folder.relative_to(ROOT).as_posix() for folder in modules()]


def section(start: str, end: str) -> str:
    return PAGE[PAGE.index(start) : PAGE.index(end)]


def local(file: str, name: str) -> Any:
    """Return a local value of the module of alarms or MWAA, as it is written."""
    content = hcl2.loads((TERRAFORM / file).read_text(encoding="utf-8"))
    return next(block[name] for block in content["locals"] if name in block)


def test_the_role_has_exactly_the_actions_of_the_code() -> None:
    granted = {*GRANTED["bucket"], *GRANTED["objects"]}
    assert granted == {*ACTIONS.values(), *ACTIONS_OF_VERSIONS.values()}
    assert len(granted) == len(GRANTED["bucket"]) + len(GRANTED["objects"])


def test_the_page_lists_the_same_actions() -> None:
    text = section("**In S3**", "**Connections**")
    optional = {"s3:DeleteObjectVersion", *GRANTED["acl"], *GRANTED["tags"]}
    named = set(re.findall(r"`(s3:[A-Za-z]+)`", text))
    assert named - optional == {*GRANTED["bucket"], *GRANTED["objects"]}
    assert set(GRANTED["secrets"]) == set(re.findall(r"`(secretsmanager:[A-Za-z]+)`", PAGE))


def test_no_action_of_the_package_is_a_wildcard() -> None:
    assert [action for actions in GRANTED.values() for action in actions if "*" in action] == []


def test_the_options_are_those_of_the_page() -> None:
    written = {str(unquoted(name)): value for name, value in local("modules/mwaa/main.tf", "options").items()}
    page = {f"{section}.{option}": value for (section, option), value in mwaa_options().items()}
    assert set(written) == set(page)
    keywords = json.loads(page.pop("secrets.backend_kwargs"))
    text = written.pop("secrets.backend_kwargs")
    for name, value in keywords.items():
        assert re.search(rf"\b{name}\s*[:=]\s*\"{re.escape(value)}\"", text), name
    assert {name: unquoted(value) for name, value in written.items()} == page


def test_only_tested_versions_of_airflow_are_allowed() -> None:
    variable = dict(blocks(TERRAFORM / "modules/mwaa", "variables.tf", "variable"))["airflow_version"]
    allowed = re.findall(r'"(\d+\.\d+\.\d+)"', variable["validation"][0]["condition"])
    assert sorted(allowed) == sorted(MWAA_VERSIONS)
    assert unquoted(variable["default"]) == max(MWAA_VERSIONS)


def test_alarms_count_what_the_package_counts() -> None:
    """Each counter that tells of a problem has an alarm; a gauge is no line of the log."""
    counters = {name for name, (kind, _) in METRICS.items() if kind == "incr"}
    watched = set(local("modules/alarms/main.tf", "groups"))
    assert watched == counters - {"run_success", "feed_events", "feed_repeated", "feed_sent"}
    assert set(local("modules/alarms/main.tf", "failures")) == watched - {"published"}


def test_patterns_look_for_the_whole_name() -> None:
    content = hcl2.loads((TERRAFORM / "modules/alarms/main.tf").read_text(encoding="utf-8"))
    filters = [
        block['"aws_cloudwatch_log_metric_filter"'] for block in content["resource"] if "metric_filter" in str(block)
    ]
    pattern = filters[0]['"this"']["pattern"]
    assert "billing.${each.value.client}.${var.environment}.${each.value.metric}" in pattern


@pytest.mark.parametrize("name", MODULES)
def test_everything_is_described_and_has_a_type(name: str) -> None:
    for variable, attributes in blocks(ROOT / name, "variables.tf", "variable"):
        assert attributes.get("description"), variable
        assert attributes.get("type"), variable
    for output, attributes in blocks(ROOT / name, "outputs.tf", "output"):
        assert attributes.get("description"), output


@pytest.mark.parametrize("name", MODULES)
def test_tables_are_those_of_the_files(name: str) -> None:
    made = documented(ROOT / name)
    assert made == (ROOT / name / "README.md").read_text(encoding="utf-8"), "run python -m scripts.document_terraform"


def test_the_role_has_the_policy_of_the_page(tmp_path: Path) -> None:
    """What Terraform makes for one client, by its own evaluation: the policy that tests/privileges/ runs with."""
    module = tmp_path / "module"
    module.mkdir()
    shutil.copy(TERRAFORM / "modules/mwaa/actions.json", module)
    shutil.copy(TERRAFORM / "modules/mwaa/variables.tf", module)
    text = (TERRAFORM / "modules/mwaa/iam.tf").read_text(encoding="utf-8")
    (module / "main.tf").write_text(text[: text.index("resource ")], encoding="utf-8")
    shown = policy("policy of the worker", "bills", "north/prod/")
    made = json.loads(
        evaluate(
            module, "local.policies.publications", name="x", environment="prod", region="eu-central-1", bucket="x",
            account_id="000000000000", vpc_id="x", subnet_ids='["a", "b"]', connections='["octopus_north_prod"]',
            publications='{bills = ["north/prod/"]}',
        )
    )  # fmt: skip
    secrets = [each for each in made["Statement"] if "secretsmanager:GetSecretValue" in each["Action"]]
    assert [each for each in made["Statement"] if each not in secrets] == shown["Statement"]
    assert len(secrets) == 1
