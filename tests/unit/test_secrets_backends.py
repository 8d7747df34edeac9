"""A connection is found, absent or unreadable, whatever the secrets backend; no error quotes its value."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.bases.secrets_backend import BaseSecretsBackend

from billing_aggregator.config import load_client
from billing_aggregator.config.airflow_connections import (
    DATABASE_TYPES,
    ConnectionOutageError,
    MalformedConnectionError,
    find_connection,
)
from billing_aggregator.errors.kinds import classify
from billing_aggregator.s3.client import client_hook
from tests.unit.connection_lookup import NAME, SECRET, VARIABLE, warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRETS_MANAGER = "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend"
PARAMETER_STORE = "airflow.providers.amazon.aws.secrets.systems_manager.SystemsManagerParameterStoreBackend"
FILES = "airflow.secrets.local_filesystem.LocalFilesystemBackend"


class Broken(BaseSecretsBackend):
    """Raises what a backend raises when it cannot be reached."""

    error: Exception = TimeoutError("the vault does not answer")

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:
        raise self.error


class VariablesOnly(BaseSecretsBackend):
    """Keeps no connections at all."""

    def get_variable(self, key: str, team_name: str | None = None) -> str | None:
        return None


class Refusing(BaseHTTPRequestHandler):
    """An AWS service that answers every request with one error."""

    answer = (400, "ThrottlingException")

    def do_POST(self) -> None:
        body = json.dumps({"__type": self.answer[1], "message": "Rate exceeded"}).encode()
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(self.answer[0])
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Refusing]]:
    handler = type("Handler", (Refusing,), {})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local-only",
        "AWS_MAX_ATTEMPTS": "1",
        "BDA_DB_HOST": "other.example.org",
    }.items():
        monkeypatch.setenv(name, value)
    yield handler
    server.shutdown()
    server.server_close()


def use(monkeypatch: pytest.MonkeyPatch, backend: str | type, **arguments: str) -> None:
    name = backend if isinstance(backend, str) else f"{backend.__module__}.{backend.__qualname__}"
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", name)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps(arguments))


def test_absent_everywhere_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, VariablesOnly)
    assert find_connection(NAME) is None


def test_an_earlier_backend_without_connections_does_not_hide_a_later_one(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, VariablesOnly)
    monkeypatch.setenv(VARIABLE, f"postgresql://u:{SECRET.replace('/', '%2F')}@db/octopus")
    found = find_connection(NAME, *DATABASE_TYPES)
    assert found is not None
    assert (found.host, found.password) == ("db", SECRET)


@pytest.mark.parametrize(
    ("error", "lasting"),
    [
        (TimeoutError("the vault does not answer"), False),
        (ConnectionRefusedError("refused"), False),
        (RuntimeError("HTTP 503"), False),
        (PermissionError("denied"), True),
        (ValueError(f"cannot read {SECRET}"), True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_failing_backend_is_not_an_absent_connection(
    monkeypatch: pytest.MonkeyPatch, error: Exception, lasting: bool
) -> None:
    use(monkeypatch, Broken)
    monkeypatch.setattr(Broken, "error", error)
    # Neither a later backend nor the variables may replace it.
    monkeypatch.setenv(VARIABLE, "postgres://stale.example.org")
    monkeypatch.setenv("BDA_DB_HOST", "other.example.org")
    with pytest.raises(Exception, match=f"^connection {NAME} cannot be read: Broken: ") as caught:
        warehouse()
    assert classify(caught.value) == ("terminal" if lasting else "transient")
    assert SECRET not in str(caught.value)


def test_the_buckets_connection_falls_back_to_nothing_either(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Broken)
    with pytest.raises(ConnectionOutageError, match=r"^connection aws_default cannot be read: Broken: "):
        client_hook(load_client("enercity", "prod"))


@pytest.mark.parametrize("backend", [SECRETS_MANAGER, PARAMETER_STORE])
@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "ThrottlingException", "transient"),
        (500, "InternalServiceError", "transient"),
        (503, "ServiceUnavailable", "transient"),
        (400, "AccessDeniedException", "terminal"),
        (400, "DecryptionFailure", "terminal"),
        (400, "InvalidRequestException", "terminal"),
    ],
)
def test_a_refusal_by_aws_is_not_an_absent_connection(
    monkeypatch: pytest.MonkeyPatch, aws: type[Refusing], backend: str, status: int, code: str, kind: str
) -> None:
    use(monkeypatch, backend, connections_prefix="airflow/connections")
    aws.answer = (status, code)
    with pytest.raises(Exception, match=f"^connection {NAME} cannot be read: .*{code}") as caught:
        warehouse()
    assert classify(caught.value) == kind


@pytest.mark.parametrize(
    ("backend", "code"), [(SECRETS_MANAGER, "ResourceNotFoundException"), (PARAMETER_STORE, "ParameterNotFound")]
)
def test_a_secret_that_aws_does_not_have_is_absent(
    monkeypatch: pytest.MonkeyPatch, aws: type[Refusing], backend: str, code: str
) -> None:
    use(monkeypatch, backend, connections_prefix="airflow/connections")
    aws.answer = (400, code)
    assert warehouse().host == "other.example.org"


@pytest.mark.parametrize(
    "content", [None, "{", "[]", '{"octopus_enercity_prod": {"hots": "Geheim-4711"}}', '{"octopus_enercity_prod": 5}']
)
def test_an_unreadable_file_is_not_an_absent_connection(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "connections.json"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    use(monkeypatch, FILES, connections_file_path=str(file))
    with pytest.raises(MalformedConnectionError, match=f"^connection {NAME} cannot be read: ") as caught:
        find_connection(NAME)
    assert "Geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("backend", "arguments"), [("nosuch.Backend", "{}"), (SECRETS_MANAGER, "{prefix"), (SECRETS_MANAGER, '["x"]')]
)
def test_a_backend_that_cannot_be_loaded_is_not_an_absent_connection(
    monkeypatch: pytest.MonkeyPatch, backend: str, arguments: str
) -> None:
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", backend)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", arguments)
    with pytest.raises(MalformedConnectionError, match="the secrets backend cannot be loaded"):
        find_connection(NAME)
