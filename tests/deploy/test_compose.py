"""docker-compose.yaml: valid, merged as intended, pinned, and wired to what the repository has."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import yaml

from billing_aggregator.config import ClientConfig, load_client, load_clients
from billing_aggregator.local.postgres import EmbeddedPostgres
from tests.deploy.support import IMAGE, ROOT, pins, unknown_airflow_variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing_aggregator.local.s3 import LocalS3

COMPOSE = ROOT / "docker-compose.yaml"
TOOLS = Path(sys.executable).parent
COMPONENTS = {"api-server", "scheduler", "dag-processor", "triggerer"}
LISTENS = {"postgres": 5432, "s3": 5000, "mail": 1025, "api-server": 8080}


def schema_check(path: Path) -> subprocess.CompletedProcess[str]:
    command = [str(TOOLS / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def environment(compose: dict[str, Any]) -> dict[str, str | None]:
    """The environment that all Airflow components share."""
    found: dict[str, str | None] = compose["services"]["scheduler"]["environment"]
    return found


@pytest.fixture(scope="module")
def connections(environment: dict[str, str | None]) -> dict[str, dict[str, Any]]:
    prefix = "AIRFLOW_CONN_"
    return {
        name.removeprefix(prefix).lower(): json.loads(value)
        for name, value in environment.items()
        if name.startswith(prefix) and value is not None
    }


def test_follows_the_compose_specification() -> None:
    assert schema_check(COMPOSE).returncode == 0


def test_a_misspelt_key_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "docker-compose.yaml"
    broken.write_text(COMPOSE.read_text().replace("command:", "comand:"))
    assert "comand" in schema_check(broken).stdout


def test_has_the_whole_airflow_and_its_surroundings(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == COMPONENTS | {"airflow-init", "postgres", "s3", "s3-init", "mail"}


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


def test_airflow_knows_every_option(environment: dict[str, str | None]) -> None:
    assert unknown_airflow_variables(list(environment)) == []
    assert unknown_airflow_variables(["AIRFLOW__CORE__EXECUTORR"]) == ["AIRFLOW__CORE__EXECUTORR"]


def test_secrets_are_obviously_local(compose: dict[str, Any]) -> None:
    secret = re.compile(r"PASSWORD$|SECRET|_KEY$")
    for name, service in compose["services"].items():
        for variable, value in (service.get("environment") or {}).items():
            if secret.search(variable):
                assert "local-only" in value, f"{name}: {variable}"
            if variable.startswith("AIRFLOW_CONN_") and value is not None:
                assert json.loads(value).get("password", "local-only") == "local-only", f"{name}: {variable}"


def test_connections_reach_the_services(connections: dict[str, dict[str, Any]], compose: dict[str, Any]) -> None:
    reached = [(entry["host"], entry["port"]) for entry in connections.values() if "host" in entry]
    endpoint = re.fullmatch(r"http://([\w-]+):(\d+)", connections["aws_default"]["extra"]["endpoint_url"])
    assert endpoint
    reached.append((endpoint[1], int(endpoint[2])))
    assert {host for host, _ in reached} == {"postgres", "s3", "mail"}
    for host, port in reached:
        assert host in compose["services"]
        assert LISTENS[host] == port
    assert compose["services"]["s3-init"]["environment"]["S3_ENDPOINT"] == f"http://s3:{LISTENS['s3']}"
    assert connections["smtp_default"]["extra"]["from_email"]


def test_wiring_fits_the_configuration(
    environment: dict[str, str | None], connections: dict[str, dict[str, Any]], compose: dict[str, Any]
) -> None:
    (config,) = load_clients(environ={name: value for name, value in environment.items() if value is not None})
    assert isinstance(config, ClientConfig)
    assert (config.client, config.environment) == ("enercity", "local")
    assert config.enabled
    assert {config.database_conn_id, config.aws_conn_id, config.alerts.smtp_conn_id} == set(connections)
    assert f"AIRFLOW_CONN_{config.alerts.slack_conn_id.upper()}" in environment
    assert connections["aws_default"]["extra"]["region_name"] == config.s3_region
    assert compose["services"]["s3-init"]["environment"]["S3_BUCKET"] == config.s3_bucket
    entry = load_client("enercity", "local", environ={})
    assert config.s3_bucket == entry.s3_bucket


def test_slack_is_off_unless_the_shell_sets_its_connection(environment: dict[str, str | None]) -> None:
    assert environment["AIRFLOW_CONN_SLACK_ALERTS"] is None


@pytest.fixture(scope="module")
def initialised(compose: dict[str, Any]) -> Iterator[EmbeddedPostgres]:
    """A new server on which the container's init script ran, with the container's variables."""
    service = compose["services"]["postgres"]
    given = service["environment"] | {"SAMPLE": str(ROOT / service["environment"]["SAMPLE"].lstrip("/"))}
    with EmbeddedPostgres() as server:
        where = {"PGHOST": server.host, "PGPORT": str(server.port)}
        path = {"PATH": f"{server.binary('psql').parent}:{os.defpath}"}
        script = ROOT / "docker/init_databases.sh"
        done = subprocess.run([script], env=given | where | path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        yield server


def test_init_script_loads_the_sample_vault(initialised: EmbeddedPostgres) -> None:
    expected = dict(line.split()[:2] for line in (ROOT / "sample/vault_rows.txt").read_text().splitlines() if line)
    with psycopg.connect(initialised.dsn("octopus", "billing_aggregator")) as connection:
        for table, rows in expected.items():
            query = psycopg.sql.SQL("select count(*) from {}").format(psycopg.sql.Identifier(*table.split(".")))
            found = connection.execute(query).fetchone()
            assert found == (int(rows),), table


def test_init_script_grants_no_more_than_needed(initialised: EmbeddedPostgres) -> None:
    with psycopg.connect(initialised.dsn("octopus", "billing_aggregator"), autocommit=True) as connection:
        connection.execute("create schema report_oibl")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("create table datalake_vault.intruder ()")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("delete from datalake_vault.login")
    with psycopg.connect(initialised.dsn()) as admin:
        owner = admin.execute("select datdba::regrole::text from pg_database where datname = 'airflow'").fetchone()
        assert owner == ("airflow",)
        roles = admin.execute(
            "select rolname, rolpassword is not null, rolsuper from pg_authid"
            " where rolname in ('airflow', 'billing_aggregator') order by 1"
        ).fetchall()
        assert roles == [("airflow", True, False), ("billing_aggregator", True, False)]


def test_bucket_script_makes_a_versioned_bucket_and_can_run_twice(s3_server: LocalS3, compose: dict[str, Any]) -> None:
    given = compose["services"]["s3-init"]["environment"] | {"S3_ENDPOINT": s3_server.url}
    script = ROOT / "docker/create_bucket.py"
    for _ in range(2):
        subprocess.run([sys.executable, script], env=given | {"PATH": os.defpath}, check=True, capture_output=True)
    versioning = s3_server.client().get_bucket_versioning(Bucket=given["S3_BUCKET"])
    assert versioning["Status"] == "Enabled"


def test_the_s3_health_check_requests_an_existing_page(s3_server: LocalS3, compose: dict[str, Any]) -> None:
    address = re.search(r"http://127\.0\.0\.1:5000(/[^']*)'", compose["services"]["s3"]["healthcheck"]["test"][-1])
    assert address
    with urllib.request.urlopen(s3_server.url + address[1]) as answer:  # noqa: S310 - the server of this test
        assert answer.status == 200


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
