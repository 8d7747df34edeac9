"""Posting over REST: exact, once per key, refused with a clear problem and without a trace."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from billing_aggregator.local.warehouse import ROLE

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from tests.ledger_api.server import Running


def line(code: str, side: str, amount: object, currency: str = "EUR", owner: str = "house") -> dict[str, Any]:
    return {"owner": owner, "code": code, "side": side, "amount": amount, "currency": currency}


def body(amount: object = "19.9", currency: str = "EUR", **more: Any) -> dict[str, Any]:
    lines = [line("1200", "debit", amount, currency), line("4000", "credit", amount, currency)]
    return {"business_date": "2026-03-01", "entries": lines, **more}


def post(api: httpx.Client, key: str, content: dict[str, Any]) -> httpx.Response:
    return api.post("/v1/transactions", json=content, headers={"Idempotency-Key": key})


def written(books: psycopg.Connection[Any]) -> tuple[Any, ...]:
    found = books.execute(
        "select (select count(*) from ledger.transaction), (select count(*) from ledger.entry), "
        "(select coalesce(sum(debit), 0) from ledger.account_total)"
    ).fetchone()
    assert found is not None
    return tuple(found)


def test_a_post_is_answered_as_it_is_stored(api: httpx.Client, new_key: Callable[[], str]) -> None:
    content = body(description="Möbel", metadata={"order": "A-1"})
    content["entries"][0]["base_amount"] = content["entries"][1]["base_amount"] = "20.500"
    answer = post(api, new_key(), content)
    assert answer.status_code == 201
    posted = answer.json()
    assert [entry["amount"] for entry in posted["entries"]] == ["19.90", "19.90"]
    assert posted["entries"][0]["base_amount"] == "20.5"
    assert api.get(f"/v1/transactions/{posted['transaction_id']}").json() == posted


def test_the_same_key_and_body_give_the_first_answer(
    api: httpx.Client, books: psycopg.Connection[Any], new_key: Callable[[], str]
) -> None:
    key = new_key()
    first = post(api, key, body("1.10"))
    before = written(books)
    again = post(api, key, body("1.1"))
    assert (again.status_code, again.json()) == (201, first.json())
    other = post(api, key, body("1.11"))
    assert other.status_code == 409
    assert other.json()["type"] == "/problems/idempotency-conflict"
    assert key in other.json()["detail"]
    assert written(books) == before


def test_many_at_once_post_a_key_once(
    running: Running, books: psycopg.Connection[Any], new_key: Callable[[], str]
) -> None:
    """Half of them say something else; whoever is first, the others of its kind get its answer."""
    key, before = new_key(), written(books)
    with running.client() as api, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: post(api, key, body(f"{number % 2 + 1}.00")), range(48)))
    assert {answer.status_code for answer in answers} == {201, 409}
    assert len({answer.json()["transaction_id"] for answer in answers if answer.status_code == 201}) == 1
    assert written(books)[0] == before[0] + 1


def test_a_refused_post_does_not_harm_those_beside_it(
    running: Running, books: psycopg.Connection[Any], new_key: Callable[[], str]
) -> None:
    contents = [body("3.00") if number % 3 else body("3.00", "XXX") for number in range(60)]
    keys, before = [new_key() for _ in contents], written(books)
    with running.client() as api, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda pair: post(api, *pair), zip(keys, contents, strict=True)))
    assert [answer.status_code for answer in answers] == [201 if number % 3 else 422 for number in range(60)]
    assert written(books)[0] == before[0] + 40


WAITING = "select from pg_locks where not granted"


def test_a_post_that_waits_for_a_lock_holds_up_no_others(
    postgres: EmbeddedPostgres, ledger_database: str, api: httpx.Client, new_key: Callable[[], str]
) -> None:
    """Another session has posted to an account that may not go below zero, and has not committed yet."""
    guarded = [line("1200", "debit", "1.00"), line("202", "credit", "1.00", owner="C-waits")]
    with (
        psycopg.connect(postgres.dsn(ledger_database, ROLE)) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        other.execute(
            "insert into ledger.account (owner, code, kind, normal_side, allow_negative) "
            "values ('C-waits', '202', 'liability', 'credit', false)"
        )
        other.commit()
        other.execute("select ledger.post(%s, 'manual', '2026-07-01', 'api', %s)", [new_key(), Jsonb(guarded)])
        waits = pool.submit(post, api, new_key(), body() | {"entries": guarded})
        while other.execute(WAITING).fetchone() is None:
            time.sleep(0.02)
        began = time.monotonic()
        assert [post(api, new_key(), body("1.00")).status_code for _ in range(3)] == [201] * 3
        # After 10 seconds the server gives the lock up.
        assert time.monotonic() - began < 9
        other.rollback()
        assert waits.result(30).status_code == 201


LINES = [line("1200", "debit", "1.00"), line("4000", "credit", "1.00")]
REFUSED = {
    "float": (body(1.5), 422, "invalid-request"),
    "whole number": (body(1), 422, "invalid-request"),
    "zero": (body("0.00"), 422, "invalid-request"),
    "negative": (body("-1"), 422, "invalid-request"),
    "not a number": (body("NaN"), 422, "invalid-request"),
    "exponent": (body("1e3"), 422, "invalid-request"),
    "seven decimals": (body("1.0000001"), 422, "invalid-request"),
    "finer than cents": (body("1.001"), 422, "invalid-amount"),
    "yen have no cents": (body("1.5", "JPY"), 422, "invalid-amount"),
    "unknown field": (body(colour="red"), 422, "invalid-request"),
    "unknown field of a line": (body() | {"entries": [LINES[0] | {"x": 1}, LINES[1]]}, 422, "invalid-request"),
    "unbalanced": (body() | {"entries": [LINES[0], line("4000", "credit", "1.01")]}, 422, "unbalanced"),
    "two currencies": (body() | {"entries": [LINES[0], line("4000", "credit", "1.00", "USD")]}, 422, "unbalanced"),
    "one line": (body() | {"entries": LINES[:1]}, 422, "invalid-request"),
    "unknown account": (body() | {"entries": [LINES[0], line("9", "credit", "1.00")]}, 422, "unknown-account"),
    "unknown currency": (body("1.00", "XXX"), 422, "unknown-currency"),
    "closed month": (body() | {"business_date": "2020-01-31"}, 422, "closed-month"),
    "no day": (body() | {"business_date": "2026-02-30"}, 422, "invalid-request"),
    "NUL": (body(description="a\x00b"), 422, "invalid-request"),
    "kind of a reversal": (body(kind="reversal"), 422, "invalid-request"),
    "below zero": (
        body() | {"entries": [line("202", "debit", "1.00", owner="C-1"), line("4000", "credit", "1.00")]},
        422, "below-zero",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_are_clear_and_write_nothing(
    api: httpx.Client, books: psycopg.Connection[Any], new_key: Callable[[], str], case: str
) -> None:
    books.execute("insert into ledger.closed_month values ('2020-01-01') on conflict do nothing")
    content, status, kind = REFUSED[case]
    before = written(books)
    answer = post(api, new_key(), content)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{kind}")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert written(books) == before


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"{", 400), (b"\xff", 400), (b"[]", 422), (b'{"x": "' + b"x" * 1_000_000 + b'"}', 413), (b"", 422)],
)
def test_bodies_that_cannot_be_read(api: httpx.Client, new_key: Callable[[], str], content: bytes, status: int) -> None:
    headers = {"Idempotency-Key": new_key(), "Content-Type": "application/json"}
    answer = api.post("/v1/transactions", content=content, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_a_large_body_without_a_length_is_refused(api: httpx.Client, new_key: Callable[[], str]) -> None:
    pieces = (b" " * 65_536 for _ in range(20))
    headers = {"Idempotency-Key": new_key(), "Content-Type": "application/json"}
    assert api.post("/v1/transactions", content=pieces, headers=headers).status_code == 413


def test_a_post_without_a_key_is_refused(api: httpx.Client) -> None:
    answer = api.post("/v1/transactions", json=body())
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/idempotency-key-missing")


def test_the_first_of_two_keys_counts(api: httpx.Client, new_key: Callable[[], str]) -> None:
    first = new_key()
    headers = [("Idempotency-Key", first), ("Idempotency-Key", new_key())]
    assert api.post("/v1/transactions", json=body(), headers=headers).json()["idempotency_key"] == first


def test_the_day_of_a_post_without_one_is_kept(
    api: httpx.Client, books: psycopg.Connection[Any], new_key: Callable[[], str]
) -> None:
    """Sent again after midnight, it is still the first one."""
    key = new_key()
    content = body("2.00")
    first = post(api, key, content).json()
    del content["business_date"]
    again = post(api, key, content)
    assert (again.status_code, again.json()) == (201, first)


def test_a_reversal_mirrors_line_by_line_and_happens_once(api: httpx.Client, new_key: Callable[[], str]) -> None:
    content = body("7.00")
    for entry in content["entries"]:
        entry["base_amount"] = "8.25"
    posted = post(api, new_key(), content).json()
    place = f"/v1/transactions/{posted['transaction_id']}/reversal"
    first = api.post(place, json={"business_date": "2026-04-01"})
    assert first.status_code == 201
    mirrored = first.json()
    assert (mirrored["kind"], mirrored["reverses"]) == ("reversal", posted["transaction_id"])
    assert [entry["side"] for entry in mirrored["entries"]] == ["credit", "debit"]
    assert [entry["base_amount"] for entry in mirrored["entries"]] == ["8.25", "8.25"]
    assert api.post(place, json={"business_date": "2026-04-01"}).json() == mirrored
    assert api.post(place).json() == mirrored
    other = api.post(place, headers={"Idempotency-Key": new_key()})
    assert (other.status_code, other.json()["type"]) == (409, "/problems/already-reversed")
    nobody = api.post("/v1/transactions/00000000-0000-0000-0000-000000000000/reversal")
    assert nobody.status_code == 404
