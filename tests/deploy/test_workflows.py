""".github/workflows: valid, audited, pinned, and calling what the Makefile has."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from scripts.summarise_tests import Summary

from tests.deploy.support import ROOT, TOOLS

if TYPE_CHECKING:
    from pathlib import Path

FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
NAMES = [path.name for path in FILES]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TRIGGERS = {
    "ci.yml": {"pull_request": None, "push": {"branches": ["main"]}},
    "docs.yml": {"push": {"branches": ["main"]}, "workflow_dispatch": None},
    "infrastructure.yml": {"push": {"tags": ["iac/v*"]}},
    "release.yml": {"push": {"tags": ["v*"]}},
    "rollout.yml": {"push": {"tags": ["dev_*", "stage_*", "prod_*"]}},
}


def workflow(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows" / name).read_text(encoding="utf-8"))
    return content


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in workflow(name)["jobs"].values() for step in job["steps"]]


def test_they_are_valid() -> None:
    command = [str(TOOLS / "check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *map(str, FILES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_audit_finds_nothing(tmp_path: Path) -> None:
    command = [str(TOOLS / "zizmor"), "--offline", "--no-progress"]
    done = subprocess.run([*command, str(FILES[0].parent)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    # It would find what is there to be found.
    bad = tmp_path / "bad.yml"
    bad.write_text((ROOT / ".github/workflows/ci.yml").read_text().replace("persist-credentials: false", "lfs: false"))
    done = subprocess.run([*command, str(bad)], capture_output=True, text=True, check=False)
    assert "artipacked" in done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_triggers(name: str) -> None:
    # YAML 1.1 reads the key `on` as true.
    found: Any = workflow(name)
    assert found[True] == TRIGGERS[name]


@pytest.mark.parametrize("name", NAMES)
def test_actions_are_pinned_by_commit(name: str) -> None:
    text = (ROOT / ".github/workflows" / name).read_text(encoding="utf-8")
    lines = [line.strip().removeprefix("- ") for line in text.splitlines() if "uses:" in line]
    assert lines
    pattern = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert [line for line in lines if not pattern.fullmatch(line)] == []


def test_an_action_has_one_version_everywhere() -> None:
    pairs = {tuple(step["uses"].split("@")) for name in NAMES for step in steps(name) if "uses" in step}
    assert len({action for action, _ in pairs}) == len(pairs)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_allowed_to_fail(name: str) -> None:
    text = (ROOT / ".github/workflows" / name).read_text(encoding="utf-8")
    assert "continue-on-error" not in text
    assert not re.search(r"\|\| *(true|:)\b", text)
    assert workflow(name)["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in workflow(name)["jobs"].values())


def test_they_call_targets_and_scripts_that_there_are() -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    runs = "\n".join(step["run"] for name in NAMES for step in steps(name) if "run" in step)
    called = {word for line in re.findall(r"\bmake ([a-z -]+)", runs) for word in line.split()}
    assert called
    assert called <= targets
    for module in re.findall(r"-m (scripts\.\w+)", runs):
        assert (ROOT / f"{module.replace('.', '/')}.py").exists(), module


def test_a_pull_request_runs_everything_that_a_release_needs() -> None:
    text = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    for needed in ("make test ", "make test-older ", "redis-server", "BDA_REQUIRE_TOOLS", "make package-mwaa docs",
                   "provenance: mode=max", "trivy-action", "make release-check", "terraform", "helm pull"):  # fmt: skip
        assert needed in text, needed


@pytest.mark.parametrize("name", NAMES)
def test_a_job_that_installs_a_tool_skips_no_test_of_it(name: str) -> None:
    for job in workflow(name)["jobs"].values():
        installed = "redis-server" in str(job) or "setup-terraform" in str(job) or "helm pull" in str(job)
        needed = [step for step in job["steps"] if re.search(r"make test[ -]", step.get("run", ""))]
        # Who installs it elsewhere than in CI does not test with it.
        assert needed or not (installed and name == "ci.yml")
        for step in needed if installed else []:
            assert step["env"]["BDA_REQUIRE_TOOLS"] == ("redis-server" if "redis-server" in str(job) else "1")


@pytest.mark.parametrize("name", ["infrastructure.yml", "release.yml"])
def test_what_is_published_is_signed_and_has_its_changes_and_contents(name: str) -> None:
    (publish,) = (step["run"] for step in steps(name) if "gh release create" in step.get("run", ""))
    assert "--notes-file build/notes.md" in publish or "--generate-notes" in publish
    files = set(re.findall(r"build/[\w*-]+(?:\.[\w*-]+)+", publish)) - {"build/notes.md"}
    options = [step["with"] for step in steps(name) if "with" in step]
    contents = {each["output-file"] for each in options if "output-file" in each}
    assert contents
    assert contents < files
    assert {line for each in options for line in each.get("subject-path", "").split()} == files


@pytest.mark.parametrize("name", ["ci.yml", "release.yml"])
def test_every_image_is_built_and_scanned_and_a_released_one_signed(name: str) -> None:
    job = workflow(name)["jobs"]["image"]
    built = {each["image"]: each["dockerfile"] for each in job["strategy"]["matrix"]["include"]}
    ours = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("services/*/Dockerfile")} | {"Dockerfile"}
    assert set(built.values()) == ours
    for image, dockerfile in built.items():
        assert f'image.title="{image}"' in (ROOT / dockerfile).read_text(encoding="utf-8")
    actions = {step["uses"].split("@")[0]: step["with"] for step in job["steps"] if "with" in step}
    build = actions["docker/build-push-action"]
    assert (build["file"], build["sbom"], build["provenance"]) == ("${{ matrix.dockerfile }}", True, "mode=max")
    assert actions["aquasecurity/trivy-action"]["exit-code"] == "1"
    if name == "release.yml":
        assert actions["actions/attest-build-provenance"]["subject-name"].endswith("/${{ matrix.image }}")
        rollout = (ROOT / ".github/workflows/rollout.yml").read_text(encoding="utf-8")
        assert all(image in rollout for image in built)


def test_the_summary_names_failures_and_reasons(tmp_path: Path) -> None:
    report = tmp_path / "tests.xml"
    report.write_text(
        "<testsuites><testsuite>"
        '<testcase classname="tests.a" name="good" time="30"/>'
        '<testcase classname="tests.a" name="bad" time="30"><failure message="assert 1 == 2&#10;more"/></testcase>'
        '<testcase classname="tests.b" name="left"><skipped message="no redis | here"/></testcase>'
        '<testcase classname="tests.b" name="also left"><skipped message="no redis | here"/></testcase>'
        "</testsuite></testsuites>"
    )
    assert Summary.of([report]).markdown().splitlines() == [
        "| passed | failed | skipped | minutes of tests |",
        "|---|---|---|---|",
        "| 1 | 1 | 2 | 1.0 |",
        "",
        "| Failed | First line |",
        "|---|---|",
        "| `tests.a::bad` | assert 1 == 2 |",
        "",
        "| Skipped | Reason |",
        "|---|---|",
        "| 2 | no redis \\| here |",
    ]
