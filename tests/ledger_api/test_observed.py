"""What operators see of a request, and what nobody may see: traces where configured, logs without bodies."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import grpc
import psycopg
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from billing_aggregator.local.warehouse import ROLE
from tests.ledger_api.server import Running, new_ledger
from tests.ledger_api.test_posting import body, post
from tests.ledger_api.test_rpc import entry, refusal, stub

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from billing_aggregator.local.postgres import EmbeddedPostgres

DATABASE = "ledger_api_observed"
SECRETS = ("a-very-private-text", "4711.07", "C-private", "private-token")
#: Where a description says so, posting fails by no rule of the ledger, and the server's text has the row.
DEFECT = """
alter table ledger.transaction add constraint defect check (description <> 'a-very-private-text defect')
"""


class Collector:
    """Receives traces over OTLP/HTTP."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.services: set[str] = set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v1/traces":
                    collector.take(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, request: ExportTraceServiceRequest) -> None:
        for resource in request.resource_spans:
            names = (one.value.string_value for one in resource.resource.attributes if one.key == "service.name")
            self.services.update(names)
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]


@pytest.fixture(scope="module")
def observed(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Collector, list[dict[str, Any]], str]:
    """Requests of all kinds to a service that is then stopped: its traces, its log lines, its log."""
    new_ledger(postgres, DATABASE)
    with psycopg.connect(postgres.dsn(DATABASE, ROLE)) as owner:
        owner.execute(DEFECT)
    collector = Collector()
    log = tmp_path_factory.mktemp("observed") / "log"
    more = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server.server_port}", "BDA_LOG_LEVEL": "DEBUG"}
    with Running(postgres, DATABASE, log, **more) as running:
        with running.client("private-token") as api:
            ask(api)
        with grpc.insecure_channel(f"127.0.0.1:{running.grpc}") as channel:
            ledger = stub(channel)
            ledger.CreateEntry(entry("over-grpc", amount="4711.07"))
            refusal(ledger.CreateEntry, entry("over-grpc-2", account_cr="C-private/9", amount="4711.07"))
        text = running_log(running, log)
    collector.server.shutdown()
    collector.server.server_close()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return collector, lines, text


def ask(api: httpx.Client) -> None:
    private = body("4711.07", description="a-very-private-text")
    assert post(api, "observed", private).status_code == 201
    assert post(api, "observed", body("1.00")).status_code == 409
    assert post(api, "defect", private | {"description": "a-very-private-text defect"}).status_code == 500
    assert post(api, "refused", private | {"a-very-private-text": 1}).status_code == 422
    assert api.get("/v1/accounts/C-private/201/balance").status_code == 404


def running_log(running: Running, log: Path) -> str:
    """Stop the service, so that its last spans are sent, and return what it has logged."""
    assert running.stop() in {0, -15}
    return log.read_text()


def test_requests_have_a_span_each(observed: tuple[Collector, list[dict[str, Any]], str]) -> None:
    collector = observed[0]
    names = [span.name for span in collector.spans]
    assert names.count("POST /v1/transactions") == 4
    assert names.count("GET /v1/accounts/{owner}/{code}/balance") == 1
    assert names.count("ledger.LedgerService/CreateEntry") == 2
    assert collector.services == {"ledger-api"}
    given = {one.key: one.value.string_value for span in collector.spans for one in span.attributes}
    assert set(given) == {"request_id"}


def test_a_line_of_each_request_and_none_of_a_body(observed: tuple[Collector, list[dict[str, Any]], str]) -> None:
    _, lines, text = observed
    told = [(line["place"], line["status"]) for line in lines if line["event"] == "request" and "place" in line]
    assert told[:3] == [("/v1/transactions", 201), ("/v1/transactions", 409), ("/v1/transactions", 500)]
    assert told[-1] == ("/v1/accounts/{owner}/{code}/balance", 404)
    (failed,) = [line for line in lines if line["event"] == "failed"]
    assert (failed["error"], failed["sqlstate"], failed["constraint"]) == ("CheckViolation", "23514", "defect")
    assert any("posting.py" in frame for frame in failed["frames"])
    assert [secret for secret in SECRETS if secret in text] == []
    assert [span.name for span in observed[0].spans if any(secret in str(span) for secret in SECRETS)] == []
