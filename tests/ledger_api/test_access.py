"""Tokens: every route and method without, with a wrong and with the right scope; forged tokens; keys that change."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.ledger_api.proto import ledger_pb2 as pb
from services.ledger_api.rest.app import new_app
from services.ledger_api.service import new_service
from services.ledger_api.settings import read_settings
from services.ledger_api.tokens import SCOPES
from tests.ledger_api.server import Issuer, Running
from tests.ledger_api.test_rpc import refusal, stub

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres

ID = "00000000-0000-0000-0000-000000000000"
OPEN = {("GET", "/healthz"), ("GET", "/metrics")}
ROUTES = {
    ("GET", "/v1/invoices"): "ledger.read", ("GET", "/v1/invoices/{invoice_id}"): "ledger.read",
    ("GET", "/v1/accounts"): "ledger.read", ("GET", "/v1/accounts/{owner}/{code}/balance"): "ledger.read",
    ("GET", "/v1/transactions"): "ledger.read", ("GET", "/v1/transactions/{transaction_id}"): "ledger.read",
    ("POST", "/v1/transactions"): "ledger.write",
    ("POST", "/v1/transactions/{transaction_id}/reversal"): "ledger.write",
    ("GET", "/v1/exports/daily"): "ledger.read", ("POST", "/v1/tiers"): "usage.admin",
    ("POST", "/v1/usage/readings"): "usage.admin", ("GET", "/v1/usage/report"): "ledger.read",
}  # fmt: skip
METHODS: dict[str, tuple[Callable[[Any], Any], Any, str]] = {
    "CreateEntry": (lambda stub: stub.CreateEntry, pb.LedgerEntry(), "ledger.write"),
    "PostTransaction": (lambda stub: stub.PostTransaction, pb.TransactionRequest(), "ledger.write"),
    "GetBalance": (lambda stub: stub.GetBalance, pb.BalanceRequest(account="x"), "ledger.read"),
    "ListEntries": (lambda stub: lambda *a, **k: list(stub.ListEntries(*a, **k)), pb.EntriesRequest(account="x"),
                    "ledger.read"),
}  # fmt: skip


def test_the_table_has_every_route_and_method() -> None:
    settings = read_settings({"BDA_DB_HOST": "127.0.0.1"})
    paths = new_app(new_service(settings)).openapi()["paths"]
    assert {(method.upper(), path) for path, methods in paths.items() for method in methods} == set(ROUTES) | OPEN
    assert {method.name for method in pb.DESCRIPTOR.services_by_name["LedgerService"].methods} == set(METHODS)


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_routes_ask_for_their_scope(guarded: Running, issuer: Issuer, route: tuple[str, str]) -> None:
    method, path = route
    place = path.format(invoice_id=1, owner="house", code="1200", transaction_id=ID)

    def status(token: str | None) -> int:
        with guarded.client(token) as api:
            return api.request(method, place, json={"entries": 1} if method == "POST" else None).status_code

    assert status(None) == 401
    others = " ".join(scope for scope in SCOPES if scope != ROUTES[route])
    assert status(issuer.token(others)) == 403
    assert status(issuer.token(ROUTES[route])) not in {401, 403}


@pytest.mark.parametrize("name", sorted(METHODS))
def test_methods_ask_for_their_scope(guarded: Running, issuer: Issuer, name: str) -> None:
    method, request, scope = METHODS[name]
    others = " ".join(other for other in SCOPES if other != scope)
    with grpc.insecure_channel(f"127.0.0.1:{guarded.grpc}") as channel:
        call = method(stub(channel))
        assert refusal(call, request)[0] == grpc.StatusCode.UNAUTHENTICATED
        for token, allowed in ((issuer.token(others), False), (issuer.token(scope), True)):
            code = refusal(call, request, metadata=[("authorization", f"Bearer {token}")])[0]
            assert (code == grpc.StatusCode.PERMISSION_DENIED) is not allowed


def test_health_and_metrics_are_open(guarded: Running) -> None:
    with guarded.client() as api:
        assert [api.get(path).status_code for _, path in sorted(OPEN)] == [200, 200]


def unsigned(issuer: Issuer) -> str:
    def part(content: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

    claims = {"iss": issuer.url, "aud": "ledger", "exp": int(time.time()) + 300, "scope": "ledger.read"}
    return f"{part({'alg': 'none', 'kid': next(iter(issuer.keys))})}.{part(claims)}."


def confused(issuer: Issuer) -> str:
    """Signed by HMAC with the public key as its secret."""
    import hashlib
    import hmac

    kid = next(name for name in issuer.keys if name.endswith("rsa"))
    secret = issuer.keys[kid].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    _, claims, _ = issuer.token("ledger.read").split(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": kid}).encode()).rstrip(b"=").decode()
    signed = hmac.new(secret, f"{header}.{claims}".encode(), hashlib.sha256).digest()
    return f"{header}.{claims}.{base64.urlsafe_b64encode(signed).rstrip(b'=').decode()}"


BAD: dict[str, Callable[[Issuer], str]] = {
    "alg none": unsigned,
    "key confusion": confused,
    "no token": lambda _: "x",
    "expired": lambda issuer: issuer.token("ledger.read", exp=int(time.time()) - 60),
    "without expiry": lambda issuer: issuer.token("ledger.read", exp=None),
    "not yet": lambda issuer: issuer.token("ledger.read", nbf=int(time.time()) + 600),
    "other issuer": lambda issuer: issuer.token("ledger.read", iss="http://elsewhere"),
    "other audience": lambda issuer: issuer.token("ledger.read", aud="billing"),
    "without audience": lambda issuer: issuer.token("ledger.read", aud=None),
    "signature cut": lambda issuer: issuer.token("ledger.read")[:-20],
    "unknown key": lambda issuer: jwt.encode({"aud": "ledger"}, "x" * 32, "HS256", headers={"kid": "invented"}),
    "too long": lambda issuer: issuer.token("x" * 20_000),
}


@pytest.mark.parametrize("case", BAD)
def test_tokens_that_are_refused(guarded: Running, issuer: Issuer, case: str) -> None:
    with guarded.client(BAD[case](issuer)) as api:
        answer = api.get("/v1/accounts")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
    with guarded.client(issuer.token("ledger.read")) as api:
        assert api.get("/v1/accounts").status_code == 200


def test_a_token_by_an_elliptic_curve(guarded: Running, issuer: Issuer) -> None:
    kid = next(name for name in issuer.keys if name.endswith("ec"))
    with guarded.client(issuer.token("ledger.read", kid)) as api:
        assert api.get("/v1/accounts").status_code == 200


def test_keys_are_cached_and_rotated(postgres: EmbeddedPostgres, ledger_database: str, tmp_path: Path) -> None:
    with Issuer() as issuer, Running(postgres, ledger_database, tmp_path / "log", BDA_OIDC_ISSUER=issuer.url) as found:

        def status(token: str) -> int:
            with found.client(token) as api:
                return api.get("/v1/accounts").status_code

        old = issuer.token("ledger.read")
        assert [status(old) for _ in range(3)] == [200] * 3
        assert issuer.fetches == 1
        issuer.rotate("second")
        deadline = time.monotonic() + 30
        while status(issuer.token("ledger.read")) != 200:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert status(old) == 401
        assert issuer.fetches <= 3
        issuer.down = True
        assert status(issuer.token("ledger.read")) == 200


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"BDA_API_HOST": "192.0.2.1"}, "without BDA_OIDC_ISSUER"),
        ({"BDA_DB_HOST": ""}, "BDA_DB_HOST is unset"),
        ({"BDA_API_PROT": "1"}, "did you mean BDA_API_PORT?"),
        ({"BDA_GRPC_PORT": "x"}, "BDA_GRPC_PORT"),
    ],
)
def test_wrong_settings_are_told(environ: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("?", r"\?")):
        read_settings({"BDA_DB_HOST": "127.0.0.1"} | environ)


def test_without_an_issuer_it_listens_on_loopback() -> None:
    assert read_settings({"BDA_DB_HOST": "127.0.0.1"}).host == "127.0.0.1"
    assert read_settings({"BDA_DB_HOST": "127.0.0.1", "BDA_OIDC_ISSUER": "https://id.example"}).host != "127.0.0.1"
