"""docker-compose.yaml: valid, merged as intended, pinned, built from what the repository has."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import yaml
from scripts import compose_images

from services.ledger_api.settings import read_settings
from tests.deploy.support import COMPOSE, IMAGE, ROOT, TOOLS, pins

if TYPE_CHECKING:
    from pathlib import Path

LEDGER = ROOT / "services/ledger_api/Dockerfile"
COMPONENTS = {"api-server", "scheduler", "dag-processor", "triggerer"}


def schema_check(path: Path) -> subprocess.CompletedProcess[str]:
    command = [str(TOOLS / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_follows_the_compose_specification() -> None:
    assert schema_check(COMPOSE).returncode == 0


def test_a_misspelt_key_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "docker-compose.yaml"
    broken.write_text(COMPOSE.read_text().replace("command:", "comand:"))
    assert "comand" in schema_check(broken).stdout


def test_has_the_whole_airflow_and_its_surroundings(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == COMPONENTS | {
        "airflow-init",
        "postgres",
        "s3",
        "s3-init",
        "mail",
        "kafka",
        "kafka-init",
        "shop-migrate",
        "shop-rates",
    }


def test_every_image_is_pinned(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        match = IMAGE.fullmatch(service["image"])
        assert match, f"{name}: {service['image']} has no tag"
        assert re.search(r"\d+\.\d+", match["tag"]), f"{name}: {service['image']} is not an exact version"


def test_versions_are_the_ones_that_the_tests_run_with(compose: dict[str, Any]) -> None:
    services = compose["services"]
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    assert services["scheduler"]["image"] == f"billing-data-aggregator:{version[1]}"
    assert services["s3"]["image"] == f"motoserver/moto:{pins(ROOT / 'requirements-dev.txt')['moto']}"
    assert services["postgres"]["image"].startswith("postgres:16.")


def test_components_run_one_image_with_one_environment(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name in COMPONENTS | {"airflow-init"}:
        for key in ("image", "build", "environment", "volumes"):
            assert services[name][key] == services["scheduler"][key], f"{name}: {key}"
    assert {services[name]["command"][0] for name in COMPONENTS} == COMPONENTS


def test_mounted_files_are_in_the_repository(compose: dict[str, Any]) -> None:
    sources = {
        volume.split(":")[0] for service in compose["services"].values() for volume in service.get("volumes", [])
    }
    assert {"./dags", "./plugins", "./include", "./sample"} <= sources
    for source in sources:
        if source.startswith("."):
            assert (ROOT / source).exists(), source
        else:
            assert source in compose["volumes"], source


def test_the_conditions_of_dependencies_can_be_met(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[needed], f"{name} waits for the health of {needed}"
            else:
                assert how["condition"] == "service_completed_successfully"
                assert services[needed].get("restart", "no") == "no", f"{name} waits for {needed} to end"
    for name in COMPONENTS | {"postgres", "s3", "mail"}:
        assert services[name]["healthcheck"]["test"], name


def test_only_this_machine_can_connect(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert len({port.split(":")[1] for port in ports}) == len(ports)


def test_the_ledger_api_is_reached_by_this_machine_only() -> None:
    """podman-compose leaves profiles out: the file itself is read."""
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    ledger = services["ledger-api"]
    assert ledger["profiles"] == ["ledger"]
    # Without an issuer the service is on loopback, here the host's.
    assert ledger["network_mode"] == "host"
    assert "BDA_OIDC_ISSUER" not in ledger["environment"]
    assert read_settings(ledger["environment"]).host == "127.0.0.1"
    assert (ROOT / ledger["build"]["dockerfile"]).exists()
    port = ledger["environment"]["BDA_DB_PORT"]
    assert any(f":{port}:5432" in mapped for mapped in services["postgres"]["ports"])


def test_the_ledger_apis_image_has_what_it_copies() -> None:
    dockerfile = LEDGER.read_text()
    allowed = {line.strip("!/\n") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    sources = [line.split()[0] for line in re.findall(r"^COPY (.+)$", dockerfile, re.MULTILINE)]
    assert len(sources) == 4
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] in allowed, f"{source} is kept from the builder by .dockerignore"


def test_image_is_built_from_what_the_repository_pins() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    base = re.search(r"^FROM apache/airflow:(\d+\.\d+\.\d+)-python3\.12$", dockerfile, re.MULTILINE)
    assert base
    constraints = ROOT / f"constraints/mwaa-{base[1]}.txt"
    assert pins(constraints)["apache-airflow"] == base[1]
    allowed = {line.strip("!/\n") for line in (ROOT / ".dockerignore").open() if line.startswith("!")}
    sources = [
        source
        for line in re.findall(r"^COPY (?:--\S+ )*(.+)$", dockerfile, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert f"constraints/{constraints.name}" in sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] in allowed, f"{source} is kept from the builder by .dockerignore"


def test_the_image_finds_the_packages_that_its_commands_run() -> None:
    """Airflow adds its plugins' folder itself; a `python -m` knows only PYTHONPATH. Profiles are read in the file."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    copied = dict(re.findall(r"^COPY --chown=\S+ (\S+)/ (\S+)/$", dockerfile, re.MULTILINE))
    where = re.search(r"^ENV PYTHONPATH=(\S+)$", dockerfile, re.MULTILINE)
    found = [source for source, folder in copied.items() if where and folder in where[1].split(":")]
    services = yaml.safe_load(COMPOSE.read_text())["services"].values()
    commands = [service["command"] for service in services if service.get("command", [])[:2] == ["python", "-m"]]
    assert commands
    for _, _, package, *_ in commands:
        assert any((ROOT / source / package / "__main__.py").exists() for source in found), package


def test_every_image_has_a_stand_in(compose: dict[str, Any]) -> None:
    """For `make try-compose`: any image that has none would be taken for the project's own."""
    others = {service["image"].split(":")[0] for service in compose["services"].values()}
    assert others - {"billing-data-aggregator"} == set(compose_images.ROLES)
    for role in ("airflow", *compose_images.ROLES.values()):
        assert os.access(compose_images.STANDINS / f"standin-{role}", os.X_OK), role
    dockerfiles = "".join(path.read_text() for path in (ROOT / "Dockerfile", LEDGER))
    assert re.findall(r"^FROM ([^:]+)", dockerfiles, re.MULTILINE) == list(compose_images.BASES)
