"""The same for what is no night: the command line, feeds, errors themselves, the page, the ledger's API."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.testclient import TestClient

from billing_aggregator.cli import main
from billing_aggregator.config import ClientConfig
from billing_aggregator.local.cloudfoundry import CLIENT_ID, LocalPlatform
from billing_aggregator.local.postgres import free_port
from billing_aggregator.runs.preflight import UnreachableError, check_bucket, check_warehouse
from billing_aggregator.ui.app import create_app
from billing_aggregator.ui.viewers import everybody
from tests.broker.server import Broker
from tests.ledger_api.server import Issuer, Running, new_ledger
from tests.secrets.canaries import ProcessList, canary, leaks, told_by
from tests.secrets.conftest import BUCKET, CLIENT

if TYPE_CHECKING:
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from billing_aggregator.local.s3 import LocalS3
    from tests.secrets.conftest import Place


@pytest.fixture(autouse=True)
def _forget_connections() -> None:
    from airflow.sdk.execution_time.cache import SecretCache

    SecretCache.reset()


def give(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def connection(**values: Any) -> str:
    return json.dumps(values)


@pytest.mark.parametrize("right", [True, False], ids=["accepted", "refused"])
def test_feeds_on_the_command_line(
    right: bool,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """``health`` asks brokers by SASL, which these do not know, and a platform for a token; ``plan`` shows it all."""
    canaries = {name: canary(name) for name in ("kafka", "platform")}
    caplog.set_level(logging.DEBUG)
    with LocalPlatform() as platform, Broker() as broker, ProcessList() as processes:
        if right:
            platform.secret = canaries["platform"]
        sasl = {
            "bootstrap.servers": broker.servers, "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN",
            "sasl.username": "billing", "sasl.password": canaries["kafka"],
        }  # fmt: skip
        host, port = platform.url.removeprefix("http://").split(":")
        http = {"host": host, "port": int(port), "login": CLIENT_ID, "password": canaries["platform"]}
        give(
            monkeypatch,
            {
                "AIRFLOW_CONN_KAFKA_WEBSHOP_LOCAL": connection(conn_type="kafka", extra=sasl),
                "AIRFLOW_CONN_CLOUDFOUNDRY_AGENCY_LOCAL": connection(conn_type="http", **http),
                "BDA_DB_HOST": "127.0.0.1", "BDA_DB_PORT": str(free_port()), "BDA_S3_URL": "http://127.0.0.1:9",
            },
        )  # fmt: skip
        for client in ("agency", "webshop"):
            main(["health", "--client", client, "--environment", "local"])
            main(["plan", "--client", client, "--environment", "local", "--json"])
        token = platform.token
    said = capfd.readouterr()
    assert ("its token is accepted" in said.out) == right
    assert "brokers refuse this connection" in said.out
    places = {"output": (said.out + said.err).encode(), "log": caplog.text.encode()} | processes.place()
    assert leaks(canaries | ({"token": token} if token else {}), places) == []


def test_errors_hold_no_secret(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each error of a chain, with its arguments, notes and answers: whatever a debugger or a tracker would send."""
    config = ClientConfig(client=CLIENT, environment="local", s3_bucket="no-such-bucket")
    give(monkeypatch, place.variables)
    errors: list[BaseException] = []
    for name, changed in (
        (f"AIRFLOW_CONN_OCTOPUS_{CLIENT.upper()}_LOCAL", {"port": free_port()}),
        (f"AIRFLOW_CONN_OCTOPUS_{CLIENT.upper()}_LOCAL", {"schema": "nowhere"}),
        (f"AIRFLOW_CONN_OCTOPUS_{CLIENT.upper()}_LOCAL", {"extra": {"sslmode": "wrong"}}),
    ):
        monkeypatch.setenv(name, json.dumps(json.loads(place.variables[name]) | changed))
        with pytest.raises(UnreachableError) as refused:
            check_warehouse(config)
        errors.append(refused.value)
    with pytest.raises(UnreachableError) as missing:
        check_bucket(config)
    errors.append(missing.value)
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", place.variables["AIRFLOW_CONN_AWS_DEFAULT"].replace("{", "", 1))
    with pytest.raises(UnreachableError) as malformed:
        check_bucket(config)
    errors.append(malformed.value)
    told = told_by(errors)
    assert len(told) >= len(errors)
    assert leaks(place.canaries, told) == []


def test_the_page_of_publications(place: Place, s3_server: LocalS3, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, place.variables)
    config = ClientConfig(client=CLIENT, environment="local", s3_bucket=BUCKET, s3_url=s3_server.url)
    page = TestClient(create_app(lambda: [config], everybody, patience=600))
    overview = page.get("/")
    assert f'data-name="{CLIENT}/local"' in overview.text
    run = page.get(next(part.split('"')[0] for part in overview.text.split('href="') if "run" in part.split('"')[0]))
    assert run.status_code == 200
    assert "bookkeeper_results" in run.text
    assert leaks(place.canaries, {"overview": overview.content, "run": run.content}) == []


@pytest.mark.parametrize("login", ["BDA_AIRFLOW_TOKEN", "BDA_AIRFLOW_PASSWORD"])
def test_the_ledgers_api(postgres: EmbeddedPostgres, tmp_path: Path, login: str) -> None:
    names = ("database", "BDA_AIRFLOW_TOKEN", "BDA_AIRFLOW_PASSWORD", "bearer", "S3 key", "S3 secret", "query")
    canaries = {name: canary(name.replace(" ", "-")) for name in names}
    database = f"ledger_canary_{login.rpartition('_')[2].lower()}"
    new_ledger(postgres, database)
    with Issuer() as issuer, ProcessList() as processes:
        more = {
            "BDA_DB_PASSWORD": canaries["database"], "BDA_AIRFLOW_USER": "billing", login: canaries[login],
            "BDA_AIRFLOW_URL": "http://127.0.0.1:9", "BDA_CLIENT_ID": "agency", "BDA_ENVIRONMENT": "local",
            "BDA_S3_ACCESS_KEY": canaries["S3 key"], "BDA_S3_SECRET_ACCESS_KEY": canaries["S3 secret"],
            "BDA_S3_URL": "http://127.0.0.1:9", "BDA_S3_BUCKET": "nowhere", "BDA_OIDC_ISSUER": issuer.url,
        }  # fmt: skip
        with Running(postgres, database, tmp_path / "log", **more) as running:
            valid = issuer.token("ledger.read ledger.write usage.admin")
            answers = list(_answers(running, valid, canaries))
            log = running.log()
    assert {answer.status_code for answer in answers} >= {200, 401, 422, 503}
    told = b"\n".join(answer.content + repr(answer.headers).encode() for answer in answers)
    places = {"answers": told, "log": log.encode(), "the database's log": postgres.log.read_bytes()}
    assert leaks(canaries | {"valid token": valid}, places | processes.place()) == []


def _answers(running: Running, valid: str, canaries: dict[str, str]) -> Any:
    with running.client(valid) as client:
        yield client.post("/v1/usage/readings")
        yield client.get("/v1/exports/daily", params={"date": "2026-01-01"})
        yield client.get("/v1/accounts", params={"limit": canaries["query"]})
        yield client.get("/metrics")
        yield client.get("/openapi.json")
    with httpx.Client(base_url=running.url, trust_env=False) as stranger:
        for header in (canaries["bearer"], f"{valid[:-4]}AAAA"):
            yield stranger.get("/v1/accounts", headers={"Authorization": f"Bearer {header}"})
