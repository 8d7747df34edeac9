"""make try-compose: what it starts is what docker-compose.yaml says, and nothing of it stays; without podman."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from scripts import compose_images, compose_podman, try_compose

from tests.deploy.support import ROOT

PIP = compose_images.STANDINS / "standin/pip"


@pytest.fixture
def podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A podman that only writes down what it is asked for, with the settings that it was given."""
    said = tmp_path / "said"
    program = tmp_path / "podman"
    program.write_text(f'#!/bin/sh\necho "$CONTAINERS_STORAGE_CONF $*" >> {said}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for variable in ("CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF"):
        monkeypatch.setenv(variable, "the machine's")
    monkeypatch.setattr(compose_podman, "WORK", tmp_path / "build/compose")
    return said


def fail_in_the_middle(podman: Path) -> None:
    with compose_podman.own_podman():
        podman.unlink()
        raise KeyError


def test_nothing_stays_after_a_failure(podman: Path) -> None:
    with pytest.raises(KeyError):
        fail_in_the_middle(podman)
    said = [line.split(maxsplit=1) for line in podman.read_text().splitlines()]
    assert {storage for storage, _ in said} == {str(compose_podman.WORK / "storage.conf")}
    assert [" ".join(command.split()[:2]) for _, command in said] == [
        "rm --all",
        "volume prune",
        "network prune",
        "rmi --all",
    ]
    assert not compose_podman.WORK.exists()


def test_what_a_killed_run_left_is_removed_first(podman: Path) -> None:
    with compose_podman.own_podman():
        assert "rm --all --force" in podman.read_text()


def test_a_second_run_does_not_end_the_first(podman: Path) -> None:
    with compose_podman.own_podman():
        podman.unlink()
        with pytest.raises(RuntimeError, match="another"), compose_podman.own_podman():
            pass
        assert not podman.exists()
        assert compose_podman.WORK.exists()


def test_this_machine_is_only_read() -> None:
    volumes = compose_images.mounts()
    assert all(volume.endswith(":ro") for volume in volumes)
    inside = [Path(volume.split(":")[1]) for volume in volumes]
    for needed in (Path(sys.executable), Path(sys.executable).resolve(), Path("/usr/bin/env")):
        assert any(needed.parent.resolve().is_relative_to(folder) for folder in inside), needed


def test_services_keep_what_compose_gives_them(compose: dict[str, Any]) -> None:
    services = compose["services"]
    made = try_compose.derived(services)["services"]
    assert set(made) == set(services)
    for name, service in services.items():
        for key in ("image", "command", "entrypoint", "environment", "ports", "healthcheck"):
            assert made[name].get(key) == service.get(key), f"{name}: {key}"
        own = [volume.replace("./", f"{ROOT}/", 1) for volume in service.get("volumes", [])]
        assert made[name]["volumes"] == own + compose_images.mounts(), name


def test_every_service_finds_the_others_by_name(compose: dict[str, Any]) -> None:
    made = try_compose.derived(compose["services"] | {"outside": {"image": "any", "network_mode": "host"}})["services"]
    addresses = {
        name: service["networks"]["default"]["ipv4_address"] for name, service in made.items() if name != "outside"
    }
    assert len(set(addresses.values())) == len(addresses)
    for name in addresses:
        found = dict(host.split(":") for host in made[name]["extra_hosts"])
        assert found == {other: address for other, address in addresses.items() if other != name}
    assert "networks" not in made["outside"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("pytest==0.1", "pytest==0.1 is wanted, and"),
        ("no-such-package  # why", "no-such-package"),
        ("no-such-package ; sys_platform == 'win32' \\", ""),
        ("pytest  # why", ""),
    ],
)
def test_pips_stand_in_refuses_what_is_not_installed(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text(f"# a comment\n{line}\n    --hash=sha256:00\n\n")
    command = [sys.executable, str(PIP), "install", "--no-deps", "--requirement", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert bool(done.returncode) == bool(message), done.stderr
    assert message in done.stderr


def test_pips_stand_in_reads_the_command_line() -> None:
    command = [sys.executable, str(PIP), "install", "--no-deps", "duckdb==0.0.1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "duckdb==0.0.1 is wanted" in done.stderr
