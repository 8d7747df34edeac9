"""A local S3 server that answers one request at a time and fails on demand, over the wire."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs

from billing_aggregator.local.s3 import ACCESS_KEY, REGION, SECRET_KEY
from billing_aggregator.s3.defaults import client_config

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

REFUSALS = {
    400: "ExpiredToken", 403: "AccessDenied", 404: "NoSuchBucket", 429: "TooManyRequests", 500: "InternalError",
    501: "NotImplemented", 503: "SlowDown",
}  # fmt: skip
REFUSAL = "<?xml version='1.0'?><Error><Code>{code}</Code><Message>on demand</Message></Error>"
UPLOAD_ID = re.compile(rb"<UploadId>([^<]+)</UploadId>")
MOTOS_DATE = b"2010-11-10T20:48:33.000Z"
_BEGUN: dict[bytes, bytes] = {}


@dataclass
class Fault:
    """What happens to requests.

    :param operation: which, see :func:`operation`.
    :param kind: ``lost reply`` (done, but the connection breaks), ``reset`` (not done), or an HTTP status.
    :param times: to how many of them.
    :param skip: how many pass before.
    """

    operation: str
    kind: str | int
    times: int = 1
    skip: int = 0


def operation(environ: dict[str, Any]) -> str:
    """Name a request: the S3 operation, and the role of the object for plain GET and PUT."""
    query = parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
    method = environ["REQUEST_METHOD"]
    role = (
        "manifest"
        if "_manifest" in environ["PATH_INFO"]
        else "lock"
        if "_publishing" in environ["PATH_INFO"]
        else "file"
    )
    if "uploads" in query:
        return "create upload" if method == "POST" else "list uploads"
    if "uploadId" in query:
        return {"PUT": "upload part", "POST": "complete upload", "DELETE": "abort upload", "GET": "list parts"}[method]
    if "delete" in query:
        return "delete objects"
    if "list-type" in query:
        return "list objects"
    return f"{method.lower()} {role}"


class FaultyS3:
    """Moto behind a lock (so that conditional writes are atomic, as S3's are) and a list of faults.

    ``seen`` counts requests by operation; ``parts`` has path and moment (seconds) of each attempt to upload a part.

    :param host: the address that it listens on.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        self.app = DomainDispatcherApplication(create_backend_app)
        self.faults: list[Fault] = []
        self.seen: Counter[str] = Counter()
        self.parts: list[tuple[str, float]] = []
        self._gone: set[str] = set()
        # Of all servers of a process: moto keeps its uploads for all of them.
        self._begun = _BEGUN
        self._lock = threading.Lock()
        self._server = make_server(host, 0, self, threaded=True)
        self.url = f"http://{host}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with self._lock:
            name = operation(environ)
            self.seen[name] += 1
            if name == "upload part":
                self.parts.append((f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}", time.monotonic()))
            fault = self._due(environ, name)
            if fault is None:
                return self._answer(environ, start_response, name)
            if fault.kind == "lost reply":
                self._answer(environ, lambda *_: None, name)
            if isinstance(fault.kind, str):
                with suppress(OSError):
                    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
                raise ConnectionError(fault.kind)
            # Reads the body first: a reply in the middle of it would break the connection.
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            code = REFUSALS[fault.kind]
            start_response(f"{fault.kind} {code}", [("Content-Type", "application/xml")])
            return [REFUSAL.format(code=code).encode()]

    def _due(self, environ: dict[str, Any], name: str) -> Fault | None:
        """Return the fault that happens to this request; None: it is answered."""
        del environ
        fault = next((f for f in self.faults if f.operation == name and f.times), None)
        if fault is not None and fault.skip:
            fault.skip -= 1
            fault = None
        if fault is not None:
            fault.times -= 1
        return fault

    def _answer(self, environ: dict[str, Any], start_response: Any, name: str) -> Iterable[bytes]:
        """Let moto answer; a completed upload is gone, also for a second completion."""
        upload = parse_qs(environ["QUERY_STRING"]).get("uploadId", [""])[0]
        if upload in self._gone:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response("404 Not Found", [("Content-Type", "application/xml")])
            return [REFUSAL.format(code="NoSuchUpload").encode()]

        def started(status: str, headers: Any, *rest: Any) -> Any:
            if name in {"complete upload", "abort upload"} and status.startswith("2"):
                self._gone.add(upload)
            return start_response(status, headers, *rest)

        return [self._dated(b"".join(self.app(environ, started)), name)]

    def _dated(self, body: bytes, name: str) -> bytes:
        """Say when an upload was begun: moto says of each that it was in 2010."""
        ids = UPLOAD_ID.findall(body)
        if name == "create upload":
            self._begun.update(dict.fromkeys(ids, time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()).encode()))
        if name == "list uploads":
            dates = iter([self._begun.get(upload, MOTOS_DATE) for upload in ids])
            body = re.sub(MOTOS_DATE, lambda _: next(dates), body)
        return body

    @contextmanager
    def failing(self, *faults: Fault) -> Iterator[Self]:
        """Inject *faults* within the context."""
        self.faults = list(faults)
        try:
            yield self
        finally:
            self.faults = []

    def client(self) -> Any:
        return self.client_of(ACCESS_KEY)

    def client_of(self, access_key: str) -> Any:
        """Return a client with the settings of the package."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=access_key,
            aws_secret_access_key=SECRET_KEY,
            config=client_config(),
        )

    def create_bucket(self, name: str, *, versioned: bool = True) -> None:
        client = self.client()
        client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        if versioned:
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
