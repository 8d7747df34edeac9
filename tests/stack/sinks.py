"""Where messages and metrics arrive: a mail server, a web server instead of Slack, a StatsD socket."""

from __future__ import annotations

import json
import socket
import threading
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from billing_aggregator.local.postgres import free_port

if TYPE_CHECKING:
    from email.message import EmailMessage


class MailSink:
    """An SMTP server that keeps every mail.

    :param login: whether it takes a login, any one; ``logins`` has the passwords then.
    """

    def __init__(self, *, login: bool = False) -> None:
        self.mails: list[EmailMessage] = []
        self.logins: list[str] = []
        self.port = free_port()
        asks: dict[str, Any] = {"authenticator": self._take, "auth_require_tls": False} if login else {}
        self._controller: Any = Controller(self, hostname="127.0.0.1", port=self.port, **asks)

    def _take(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        self.logins.append(data.password.decode())
        return AuthResult(success=True)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"

    def to(self, client: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if mail["To"] == f"{client}@example.com"]

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()


class SlackSink:
    """An HTTP server that keeps every post; the webhook's last part names the client."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, dict[str, Any]]] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.posts.append((self.path.rsplit("/", 1)[-1], json.loads(body)))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]

    def to(self, client: str) -> list[dict[str, Any]]:
        return [post for name, post in self.posts if name == client]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class StatsdSink:
    """A UDP socket that keeps every metric line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]

    def _listen(self) -> None:
        while True:
            try:
                data = self._socket.recv(65_536)
            except OSError:
                return
            if data == b"end":
                return
            self.lines += data.decode(errors="replace").splitlines()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.sendto(b"end", ("127.0.0.1", self.port))
        self._thread.join(5)
        self._socket.close()
