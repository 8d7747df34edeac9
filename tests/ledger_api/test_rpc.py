"""gRPC: the same functions and refusals; health, reflection, deadlines; the generated modules are current."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from services.ledger_api.proto import ledger_pb2 as pb
from services.ledger_api.proto import ledger_pb2_grpc
from tests.conftest import ROOT
from tests.ledger_api.test_posting import body, post, written

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx
    import psycopg

GENERATED = ("ledger_pb2.py", "ledger_pb2.pyi", "ledger_pb2_grpc.py")


def stub(channel: grpc.Channel) -> Any:
    made: Any = ledger_pb2_grpc.LedgerServiceStub
    return made(channel)


@pytest.fixture
def ledger(channel: grpc.Channel) -> Any:
    return stub(channel)


def entry(key: str, **other: str) -> pb.LedgerEntry:
    given = {"txn_id": key, "account_dr": "1200", "account_cr": "house/4000", "amount": "2.50", "currency": "EUR"}
    return pb.LedgerEntry(**given | other)


def refusal(call: Callable[..., Any], request: Any, **more: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=more.pop("timeout", 20), **more)
    error: Any = caught.value
    kinds = [value for name, value in error.trailing_metadata() or () if name == "problem-type"]
    return error.code(), kinds[0] if kinds else ""


def test_both_roads_post_the_same(ledger: Any, api: httpx.Client, new_key: Callable[[], str]) -> None:
    key = new_key()
    posted = ledger.CreateEntry(entry(key))
    assert ledger.CreateEntry(entry(key)) == posted
    stored = api.get(f"/v1/transactions/{posted.transaction_id}").json()
    assert [line["amount"] for line in stored["entries"]] == ["2.50", "2.50"]
    content = body("2.50", business_date=posted.business_date)
    assert post(api, key, content).json() == stored
    lines = [
        pb.Line(account=f"house/{e['code']}", side=e["side"], amount="2.5", currency="EUR") for e in content["entries"]
    ]
    assert ledger.PostTransaction(pb.TransactionRequest(idempotency_key=key, entries=lines)) == posted


@pytest.mark.parametrize(
    ("other", "code", "kind"),
    [
        ({"amount": "1.5e1"}, "INVALID_ARGUMENT", "invalid-request"),
        ({"amount": "1.001"}, "INVALID_ARGUMENT", "invalid-amount"),
        ({"currency": "XXX"}, "INVALID_ARGUMENT", "unknown-currency"),
        ({"account_dr": "nobody/1"}, "INVALID_ARGUMENT", "unknown-account"),
        ({"txn_id": ""}, "INVALID_ARGUMENT", "invalid-request"),
    ],
)
def test_refusals_are_those_of_rest(
    ledger: Any, books: psycopg.Connection[Any], new_key: Callable[[], str], other: dict[str, str], code: str, kind: str
) -> None:
    before = written(books)
    assert refusal(ledger.CreateEntry, entry(new_key(), **other)) == (grpc.StatusCode[code], f"/problems/{kind}")
    assert written(books) == before


def test_a_key_with_other_content(ledger: Any, new_key: Callable[[], str]) -> None:
    key = new_key()
    ledger.CreateEntry(entry(key))
    found = refusal(ledger.CreateEntry, entry(key, amount="2.51"))
    assert found == (grpc.StatusCode.ALREADY_EXISTS, "/problems/idempotency-conflict")


def test_a_closed_month(ledger: Any, books: psycopg.Connection[Any], new_key: Callable[[], str]) -> None:
    books.execute("insert into ledger.closed_month values ('2020-01-01') on conflict do nothing")
    lines = [pb.Line(account=a, side=s, amount="1", currency="EUR") for a, s in (("1200", "debit"), ("4000", "credit"))]
    request = pb.TransactionRequest(idempotency_key=new_key(), business_date="2020-01-01", entries=lines)
    assert refusal(ledger.PostTransaction, request) == (grpc.StatusCode.FAILED_PRECONDITION, "/problems/closed-month")


def test_balance_and_entries(ledger: Any, new_key: Callable[[], str]) -> None:
    """More entries than are read at a time, in a currency of their own."""
    keys = [new_key() for _ in range(600)]
    for call in [ledger.CreateEntry.future(entry(key, currency="CZK", amount="1")) for key in keys]:
        call.result(60)
    (balance,) = [b for b in ledger.GetBalance(pb.BalanceRequest(account="1200")).balances if b.currency == "CZK"]
    assert (balance.debit, balance.balance) == ("600.00", "600.00")
    found = [e for e in ledger.ListEntries(pb.EntriesRequest(account="house/1200")) if e.currency == "CZK"]
    assert sorted(e.idempotency_key for e in found) == sorted(keys)
    assert {(e.account, e.side, e.amount) for e in found} == {("house/1200", "debit", "1.00")}
    assert refusal(ledger.GetBalance, pb.BalanceRequest(account="none"))[0] == grpc.StatusCode.NOT_FOUND
    assert refusal(ledger.GetBalance, pb.BalanceRequest(account="1200", at="x"))[0] == grpc.StatusCode.INVALID_ARGUMENT


def test_deadlines_are_kept(ledger: Any, books: psycopg.Connection[Any], new_key: Callable[[], str]) -> None:
    """Another session holds the gate of all posts."""
    key = new_key()
    with books.transaction():
        books.execute("lock table ledger.entry in exclusive mode")
        assert refusal(ledger.CreateEntry, entry(key), timeout=0.5)[0] == grpc.StatusCode.DEADLINE_EXCEEDED
    assert ledger.CreateEntry(entry(key)).idempotency_key == key


def test_health_and_reflection(channel: grpc.Channel) -> None:
    stubs: list[Any] = [health_pb2_grpc.HealthStub(channel), reflection_pb2_grpc.ServerReflectionStub(channel)]
    health = stubs[0].Check(health_pb2.HealthCheckRequest(service="ledger.LedgerService"))
    assert health.status == health_pb2.HealthCheckResponse.SERVING
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = stubs[1].ServerReflectionInfo(iter([request]))
    names = {service.name for service in answer.list_services_response.service}
    assert {"ledger.LedgerService", "grpc.health.v1.Health"} <= names


def test_generated_modules_are_current(tmp_path: Path) -> None:
    """``make proto`` makes them."""
    out = [f"--{kind}_out={tmp_path}" for kind in ("python", "pyi", "grpc_python")]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", *out, "services/ledger_api/proto/ledger.proto"]
    subprocess.run(command, cwd=ROOT, check=True)
    for name in GENERATED:
        place = f"services/ledger_api/proto/{name}"
        assert (tmp_path / place).read_bytes() == (ROOT / place).read_bytes(), "run make proto"
