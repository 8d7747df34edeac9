"""What goes into the images: locked with hashes where the lock is ours, audited, without secrets, not as root."""

from __future__ import annotations

import importlib.metadata
import re
from typing import TYPE_CHECKING

import pytest
import yaml
from scripts.added_pins import added_pins

from tests.deploy.support import ROOT, pins, requirements

if TYPE_CHECKING:
    from pathlib import Path

LOCK = ROOT / "services/ledger_api/requirements.txt"
DEVELOPMENT = ROOT / "requirements-dev.txt"
MADE = {".venv", "build"}
DOCKERFILES = sorted(path for path in ROOT.glob("**/Dockerfile") if not MADE & {*path.relative_to(ROOT).parts})
SECRET = re.compile(r"(?i)password|secret|token|_key\b|credential")
#: Licences that would oblige us to publish our own sources; LGPL and MPL do not, as the packages are not changed.
COPYLEFT = re.compile(r"(?<!L)(?<!Lesser )\bA?GPL|GNU (Affero )?General Public")


@pytest.mark.parametrize("lock", [LOCK, DEVELOPMENT], ids=["ledger", "development"])
def test_each_pin_has_hashes(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[A-Za-z])", text.strip())
    assert {re.split(r"[=\[]", entry)[0] for entry in entries} == set(pins(lock))
    assert len(entries) > 30
    assert [entry for entry in entries if not re.search(r"--hash=sha256:[0-9a-f]{64}", entry)] == []


def test_who_installs_asks_for_the_hashes() -> None:
    text = (ROOT / "services/ledger_api/Dockerfile").read_text(encoding="utf-8")
    assert "--no-deps --require-hashes --requirement" in text
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert makefile.count("pip compile") == makefile.count("--generate-hashes") == 2
    # MWAA's constraints, which `make test-older` installs by, have none.
    venv = makefile.split("$(VENV)/.installed: ")[1].split("\n\n")[0]
    assert venv.count("pip install -") == venv.count("--require-hashes -r") == 3


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_image_has_a_secret_or_runs_as_root(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert [line for line in lines if line.startswith(("ARG", "ENV")) and SECRET.search(line)] == []
    assert [line for line in lines if re.match(r"(COPY|ADD)\b.*(\.env|\.git\b|\s\./?\s)", line)] == []
    users = [line.split()[1] for line in lines if line.startswith("USER")]
    # Airflow's own image runs as its user; the other one says so itself.
    assert users in ([], ["10001"])
    assert bool(users) != ("FROM apache/airflow:" in text)


def test_ci_audits_both_images() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]
    runs = " ".join(step.get("run", "") for step in jobs["audit"]["steps"])
    # Without --strict a package that the service does not know is passed over, and the job is green.
    assert len(re.findall(r"pip-audit==[\d.]+ --strict --disable-pip", runs)) == runs.count("pip-audit==") == 2
    assert "--require-hashes --requirement services/ledger_api/requirements.txt" in runs
    assert "scripts.added_pins" in runs
    names = {re.split(r"[=\[]", line)[0] for line in added_pins()}
    assert {re.sub(r"[-_.]+", "-", name).lower() for name in names} == set(requirements())


@pytest.mark.parametrize("name", sorted({*pins(LOCK), *requirements()}))
def test_a_licence_is_known_and_obliges_us_to_nothing(name: str) -> None:
    try:
        found = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return  # for another system or Python
    classifiers = [value for value in found.get_all("Classifier") or [] if value.startswith("License")]
    named = [(found.get_all(field) or [""])[0].partition("\n")[0] for field in ("License-Expression", "License")]
    said = [*named, *classifiers]
    told = " ".join(filter(None, said))
    assert told, f"{name} names no licence"
    assert not COPYLEFT.search(told), f"{name}: {told}"


def test_each_release_has_a_list_of_contents() -> None:
    text = (ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8")
    assert "sbom: true" in text
    assert "anchore/sbom-action@" in text
