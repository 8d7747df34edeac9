"""The role of the ledger's API: each request works with role.sql, and says which right is missing without one."""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from billing_aggregator.local.warehouse import ROLE
from services.ledger_api.problems import of_database
from tests.conftest import ROOT
from tests.ledger_api.server import API_ROLE, Running, new_ledger
from tests.ledger_api.test_posting import body, post
from tests.privileges.page import rows, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from billing_aggregator.local.postgres import EmbeddedPostgres

TABLE = rows("### The ledger API's role")
ROLE_SQL = (ROOT / "services/ledger_api/sql/role.sql").read_text(encoding="utf-8")
OWN = ROLE_SQL[: ROLE_SQL.index("if to_regclass('billing.invoices')")]
READ = re.findall(r"ledger\.\w+", OWN[OWN.index("grant select on") : OWN.index("to ledger_api;\nrevoke")])
GRANTS = ["usage on schema ledger", *(f"select on {name}" for name in READ)]
GRANTS += ["insert on ledger.transaction", "insert on ledger.entry"]
_numbers = count(1)


@pytest.fixture(scope="module")
def place(postgres: EmbeddedPostgres) -> str:
    new_ledger(postgres, "privileges_ledger")
    return "privileges_ledger"


@pytest.fixture(scope="module")
def client(postgres: EmbeddedPostgres, place: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with Running(postgres, place, tmp_path_factory.mktemp("api") / "log") as running, running.client() as opened:
        yield opened


def every_request(client: httpx.Client, owner: psycopg.Connection[Any]) -> dict[str, httpx.Response]:
    """Return the answer to each kind of request."""
    found = owner.execute("select transaction_id, idempotency_key from ledger.transaction limit 1").fetchone()
    known, key = found or ("00000000-0000-0000-0000-000000000000", "")
    number = next(_numbers)
    return {
        "health": client.get("/healthz"),
        "post": post(client, f"privileges-{number}", body("1.00")),
        "reversal": client.post(
            f"/v1/transactions/{known}/reversal", json={}, headers={"Idempotency-Key": f"reversal-{number}"}
        ),
        "accounts": client.get("/v1/accounts", params={"owner": "house"}),
        "balance": client.get("/v1/accounts/house/1200/balance"),
        "balance of a day": client.get("/v1/accounts/house/1200/balance", params={"at": "2026-03-01"}),
        "transactions": client.get("/v1/transactions", params={"idempotency_key": key}),
        "transaction": client.get(f"/v1/transactions/{known}"),
        "invoices": client.get("/v1/invoices"),
    }


@pytest.fixture
def owner(postgres: EmbeddedPostgres, place: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres.dsn(place, ROLE), autocommit=True) as connection:
        yield connection


def missing(answers: dict[str, httpx.Response]) -> dict[str, str]:
    """Return what is said by the requests that lack a privilege; every other one has done its work."""
    lacking = {}
    for name, answer in answers.items():
        if answer.status_code >= 500:
            assert answer.json()["type"] == "/problems/missing-privilege", (name, answer.text)
            lacking[name] = answer.json()["detail"]
    return lacking


def test_the_page_and_the_script_agree() -> None:
    assert len(READ) == 5
    assert set(TABLE) == {"usage", "ledger", "select", "insert"}


def test_every_request_works(client: httpx.Client, owner: psycopg.Connection[Any]) -> None:
    every_request(client, owner)
    answers = every_request(client, owner)
    assert {name: answer.status_code for name, answer in answers.items() if answer.status_code >= 300} == {}


@pytest.mark.parametrize("grant", GRANTS)
def test_a_missing_right_is_named(client: httpx.Client, owner: psycopg.Connection[Any], grant: str) -> None:
    post(client, "privileges-first", body("1.00"))
    owner.execute(f"revoke {grant} from {API_ROLE}".encode())
    try:
        lacking = missing(every_request(client, owner))
    finally:
        owner.execute(f"grant {grant} to {API_ROLE}".encode())
    kind, name = ("schema", "ledger") if grant.startswith("usage") else ("(table|view)", grant.rpartition(".")[2])
    assert lacking
    expected = (
        words(TABLE[grant.split(maxsplit=1)[0]])[0].replace("table entry", "").replace("schema ledger", "").strip()
    )
    for said in lacking.values():
        assert re.search(rf"{expected} {kind} {name};.*role\.sql", said), said


def test_other_refusals_are_told_as_before() -> None:
    problem = of_database(InsufficientPrivilege("permission denied"))
    assert problem is not None
    assert (problem.kind, problem.status) == ("missing-privilege", 503)
