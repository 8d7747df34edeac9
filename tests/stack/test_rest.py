"""The stack's client waits for a slow API server, and never hides a defect."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.local.postgres import free_port
from tests.stack.rest import Rest, RestError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Api:
    """Answers with the statuses in *answers*, one after the other; 0 is no answer at all."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.calls = 0
        self.ends = threading.Event()
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                status = api.answers[api.calls]
                api.calls += 1
                if status == 0:
                    api.ends.wait(60)
                    return
                self.send_response(status)
                self.end_headers()
                self.wfile.write(b'{"ok": true}')

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    yield made
    made.ends.set()
    made.server.shutdown()
    made.server.server_close()


CASES = {
    "no answer in time": [0, 200],
    "busy": [503, 429, 200],
    "done by the try that was not answered": [0, 409],
}


@pytest.mark.parametrize("case", CASES)
def test_a_call_is_repeated_until_it_is_answered(api: Api, case: str) -> None:
    api.answers = CASES[case]
    answer = Rest(api.url, call_seconds=0.5).call("POST", "/", {})
    assert answer == (None if api.answers[-1] == 409 else {"ok": True})
    assert api.calls == len(api.answers)


@pytest.mark.parametrize("status", [500, 409, 404])
def test_an_error_is_an_error(api: Api, status: int) -> None:
    api.answers = [status]
    with pytest.raises(RestError, match=f"HTTP {status}"):
        Rest(api.url).call("POST", "/", {})
    assert api.calls == 1


def test_patience_ends() -> None:
    with pytest.raises(OSError, match="refused"):
        Rest(f"http://127.0.0.1:{free_port()}", patience=0).call("GET", "/")
