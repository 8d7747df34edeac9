"""An S3 endpoint that stands before the real one and answers with failures when it is told to."""

from __future__ import annotations

import threading
import time
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

HOP_HEADERS = frozenset({"connection", "transfer-encoding", "keep-alive", "content-length", "date", "server"})


class FaultyS3:
    """Forwards everything to *url*, but for the parts that are to fail."""

    def __init__(self, url: str) -> None:
        self._behind = urlsplit(url)
        self._lock = threading.Lock()
        self._failures = 0
        self._status = 503
        self._code = ""
        self.attempts: list[tuple[str, float]] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

            def handle_any(self) -> None:
                proxy._handle(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def fail(self, times: int, status: int, code: str) -> None:
        """Let the next *times* writes fail."""
        with self._lock:
            self._failures, self._status, self._code = times, status, code
            self.attempts.clear()

    def client(self) -> Any:
        """Return a client of this endpoint, with the settings of the exports."""
        import boto3

        from billing_aggregator.export.s3_client import client_config
        from billing_aggregator.local.s3 import ACCESS_KEY, REGION, SECRET_KEY

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=client_config(),
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        is_part = request.command == "PUT" and "uploadId=" in request.path
        if is_part and self._must_fail(request.path):
            error = f"<Error><Code>{self._code}</Code><Message>no</Message></Error>".encode()
            self._answer(request, self._status, {"Content-Type": "application/xml"}, error)
            return
        connection = HTTPConnection(self._behind.hostname or "", self._behind.port, timeout=60)
        try:
            headers = {name: value for name, value in request.headers.items() if name.lower() != "connection"}
            connection.request(request.command, request.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in HOP_HEADERS}
        finally:
            connection.close()
        length = answer.getheader("Content-Length") if request.command == "HEAD" else None
        self._answer(request, answer.status, kept, content, length)

    def _must_fail(self, path: str) -> bool:
        with self._lock:
            self.attempts.append((path, time.monotonic()))
            if self._failures <= 0:
                return False
            self._failures -= 1
            return True

    @staticmethod
    def _answer(
        request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes, length: str | None = None
    ) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", length or str(len(body)))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body)
