"""A running service in a process of its own, its database, and an issuer of tokens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import httpx
import jwt
import psycopg
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from billing_aggregator.local.postgres import free_port
from billing_aggregator.local.warehouse import ROLE, create_octopus
from tests.conftest import ROOT
from tests.orders.warehouse import migrate

if TYPE_CHECKING:
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres

API_ROLE = "ledger_api"
START_SECONDS = 300
ACCOUNTS = """
insert into ledger.account (owner, code, name, kind, normal_side, allow_negative) values
('house', '1000', 'Cash', 'asset', 'debit', true),
('house', '1200', 'Accounts receivable', 'asset', 'debit', true),
('house', '4000', 'Revenue', 'revenue', 'credit', true),
('C-1', '201', 'Credit pool', 'liability', 'credit', true),
('C-1', '202', 'Never below zero', 'liability', 'credit', false)
on conflict do nothing
"""


def new_ledger(postgres: EmbeddedPostgres, name: str) -> None:
    """Create a database with the ledger, some accounts and the API's role."""
    create_octopus(postgres, name)
    with psycopg.connect(postgres.dsn(name, ROLE)) as owner:
        migrate(owner)
        owner.execute(ACCOUNTS)
    give_rights(postgres, name)


def give_rights(postgres: EmbeddedPostgres, name: str) -> None:
    """Let the API's role into a database, as its owner does."""
    with psycopg.connect(postgres.dsn(name), autocommit=True) as admin:
        if admin.execute("select from pg_roles where rolname = %s", [API_ROLE]).fetchone() is None:
            admin.execute(b"create role ledger_api login")
    with psycopg.connect(postgres.dsn(name, ROLE), autocommit=True) as owner:
        owner.execute((ROOT / "services/ledger_api/sql/role.sql").read_bytes())


class Running:
    """The service, on free ports of loopback; ``with`` starts and stops it."""

    def __init__(self, postgres: EmbeddedPostgres, database: str, log: Path, **more: str) -> None:
        self.rest, self.grpc = free_port(), free_port()
        self._log = log
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("BDA_")} | {
            "PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}", "BDA_DB_HOST": postgres.host, "BDA_DB_PORT": str(postgres.port),
            "BDA_DB_NAME": database, "BDA_API_PORT": str(self.rest), "BDA_GRPC_PORT": str(self.grpc),
            "BDA_API_HOST": "127.0.0.1", **more,
        }  # fmt: skip
        self.url = f"http://127.0.0.1:{self.rest}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "services.ledger_api"]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                if httpx.get(f"{self.url}/healthz", trust_env=False).status_code in {200, 503}:
                    return self
            except httpx.HTTPError:
                time.sleep(0.05)
        self.process.kill()
        raise AssertionError(f"the service does not answer:\n{self.log()[-3000:]}")

    def log(self) -> str:
        """Return what it has logged."""
        return self._log.read_text(errors="replace")

    def stop(self, signal_name: str = "terminate") -> int:
        """Stop it; ``kill`` is SIGKILL. Return its status."""
        assert self.process is not None
        getattr(self.process, signal_name)()
        return self.process.wait(60)

    def client(self, token: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop()


class Issuer:
    """An OIDC issuer on loopback with an RSA and an EC key."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {}
        self.fetches = 0
        self.down = False
        self.rotate("first")
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(issuer.answer(self.path)).encode()
                self.send_response(500 if issuer.down else 200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def rotate(self, name: str) -> None:
        """Replace the keys by new ones."""
        self.keys = {
            f"{name}-rsa": rsa.generate_private_key(public_exponent=65537, key_size=2048),
            f"{name}-ec": ec.generate_private_key(ec.SECP256R1()),
        }

    def answer(self, path: str) -> dict[str, Any]:
        if path.endswith("openid-configuration"):
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        self.fetches += 1
        return {"keys": [self._public(kid) for kid in self.keys]}

    def _public(self, kid: str) -> dict[str, Any]:
        kind: Any = jwt.algorithms.RSAAlgorithm if kid.endswith("rsa") else jwt.algorithms.ECAlgorithm
        return {"kid": kid, "use": "sig", **kind.to_jwk(self.keys[kid].public_key(), as_dict=True)}

    def token(self, scope: str = "", kid: str | None = None, **claims: Any) -> str:
        """Return a token that is valid for five minutes, but for what *claims* say."""
        kid = kid or next(name for name in self.keys if name.endswith("rsa"))
        now = int(time.time())
        body = {"iss": self.url, "aud": "ledger", "sub": "someone", "exp": now + 300, "scope": scope} | claims
        body = {name: value for name, value in body.items() if value is not None}
        return jwt.encode(body, self.keys[kid], "RS256" if kid.endswith("rsa") else "ES256", headers={"kid": kid})

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
