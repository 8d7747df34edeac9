"""Reading over REST: balances, keyset pages, invoices, what is not set up, health and metrics, the page /docs."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg

from billing_aggregator.export.manifest import Manifest, ManifestExport, ManifestFile
from billing_aggregator.local.s3 import ACCESS_KEY, SECRET_KEY
from billing_aggregator.local.warehouse import ROLE
from services.ledger_api.transactions import FEW_ACCOUNTS, page_of_transactions
from tests.ledger_api.server import Running, new_ledger
from tests.ledger_api.test_posting import body, post

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from billing_aggregator.local.s3 import LocalS3


# 5,000 transactions of account 201, then two of account 202, of another day.
#: A tenth of its entries: how many rows a good plan reads differs by the sample that ANALYZE draws.
LITTLE = 1_000
LARGE = """
with posted as (
    insert into ledger.transaction (transaction_id, idempotency_key, kind, business_date, source)
    select lpad(to_hex(n), 32, '0')::uuid, 'large-' || n, 'manual', date '2026-01-01' + n / 5001 * 31, 'api'
    from generate_series(1, 5002) as n
    returning transaction_id, idempotency_key
)
insert into ledger.entry (transaction_id, line, account_id, side, amount, currency)
select posted.transaction_id, line.number, account.account_id, line.side, 1, 'EUR'
from posted
cross join (values (1, 'debit'), (2, 'credit')) as line (number, side)
join ledger.account on account.code = case
    when line.number = 1 then '1200' when substr(posted.idempotency_key, 7)::integer > 5000 then '202' else '201'
end
"""


def pages(api: httpx.Client, place: str, **wanted: Any) -> list[dict[str, Any]]:
    found, after = [], None
    while True:
        page = api.get(place, params=wanted | ({"after": after} if after else {})).raise_for_status().json()
        found += page["items"]
        if (after := page["next"]) is None:
            return found


def test_pages_have_every_row_once(api: httpx.Client, new_key: Callable[[], str]) -> None:
    keys = [new_key() for _ in range(7)]
    for key in keys:
        post(api, key, body("1.00", business_date="2027-05-05"))
    wanted = {"business_date_from": "2027-05-05", "business_date_to": "2027-05-05", "owner": "house", "code": "1200"}
    assert [row["idempotency_key"] for row in pages(api, "/v1/transactions", limit=3, **wanted)] == keys
    assert pages(api, "/v1/transactions", owner="nobody") == []
    one = pages(api, "/v1/transactions", idempotency_key=keys[0])
    assert [row["idempotency_key"] for row in one] == keys[:1]
    assert [row["idempotency_key"] for row in pages(api, "/v1/transactions", limit=3, **wanted)] == keys
    codes = [row["code"] for row in pages(api, "/v1/accounts", limit=2, owner="house")]
    assert {"1000", "1200", "4000"} <= set(codes)
    assert len(codes) == len(set(codes))


def test_a_code_that_many_owners_have(
    api: httpx.Client, books: psycopg.Connection[Any], new_key: Callable[[], str]
) -> None:
    books.execute(
        "insert into ledger.account (owner, code, kind, normal_side) "
        "select 'M-' || n, '777', 'liability', 'credit' from generate_series(1, %s) as n on conflict do nothing",
        [FEW_ACCOUNTS + 1],
    )
    keys = [new_key() for _ in range(3)]
    for number, key in enumerate(keys, 1):
        content = body("1.00")
        content["entries"][1] |= {"owner": f"M-{number}", "code": "777"}
        assert post(api, key, content).status_code == 201
    assert [row["idempotency_key"] for row in pages(api, "/v1/transactions", limit=2, code="777")] == keys
    (one,) = pages(api, "/v1/transactions", code="777", owner="M-2")
    assert one["idempotency_key"] == keys[1]


def rows_read(plan: dict[str, Any]) -> int:
    """Return the rows that the scans of an executed plan have returned or filtered."""
    own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    below = sum(rows_read(each) for each in plan.get("Plans", ()))
    return below + (own if "Scan" in plan["Node Type"] else 0)


def test_a_page_of_an_account_reads_little_of_a_large_ledger(postgres: EmbeddedPostgres) -> None:
    new_ledger(postgres, "ledger_api_large")
    with psycopg.connect(postgres.dsn("ledger_api_large", ROLE), autocommit=True) as owner:
        owner.execute(LARGE)
        owner.execute("analyze ledger.transaction, ledger.entry, ledger.account")
        ids: dict[str, int] = dict(
            owner.execute("select code, account_id from ledger.account where owner = 'C-1'").fetchall()
        )
        day = date(2026, 2, 1)
        for wanted in (
            {"owner": "C-1", "code": "201", "account_ids": [ids["201"]], "source": "api"},
            {"owner": "C-1", "code": "202", "account_ids": [ids["202"]], "source": "api"},
            {"owner": "C-1", "account_ids": list(ids.values()), "after": UUID(int=4998)},
            {"first": day, "last": day},
            {"first": day, "last": day, "owner": "house", "code": "1200", "account_ids": [2]},
        ):
            values = wanted | {"limit": 3}
            query = page_of_transactions(values)
            assert len(owner.execute(query, values).fetchall()) == (
                3 if "201" in str(wanted) or "after" in wanted else 2
            )
            row = owner.execute(b"explain (analyze, format json) " + query.encode(), values).fetchone()
            assert row is not None
            assert rows_read(row[0][0]["Plan"]) < LITTLE, wanted


def test_balance_now_and_at_a_day(api: httpx.Client, new_key: Callable[[], str]) -> None:
    """In a currency of its own: other tests post too."""
    for day, amount in (("2026-06-01", "10"), ("2026-06-02", "5.5")):
        assert post(api, new_key(), body(amount, "PLN", business_date=day)).status_code == 201

    def balance(**at: str) -> list[dict[str, str]]:
        answer = api.get("/v1/accounts/house/1200/balance", params=at).json()
        return [row for row in answer["balances"] if row["currency"] == "PLN"]

    assert balance() == [{"currency": "PLN", "debit": "15.50", "credit": "0.00", "balance": "15.50"}]
    assert [row["balance"] for row in balance(at="2026-06-01")] == ["10.00"]
    assert balance(at="2026-05-31") == []
    assert api.get("/v1/accounts/house/nothing/balance").status_code == 404


def test_invoices(api: httpx.Client, books: psycopg.Connection[Any]) -> None:
    books.execute(
        "insert into billing.invoices (order_id, customer_id, currency, subtotal, base_currency, status, "
        "idempotency_key, business_date, tax_region, occurred_at) "
        "select 'O' || n, 'C' || n % 2, 'EUR', 1.50, 'EUR', 'ON_HOLD', 'e' || n, '2026-01-01', 'DE', now() "
        "from generate_series(1, 5) as n on conflict do nothing"
    )
    found = pages(api, "/v1/invoices", customer_id="C1", status="ON_HOLD", limit=2)
    assert [row["order_id"] for row in found] == ["O1", "O3", "O5"]
    assert found[0]["subtotal"] == "1.50"
    books.execute(
        "insert into billing.invoice_lines values (%s, 1, 'PRO', 3, 0.5, 1.50, 'standard', 0.19) "
        "on conflict do nothing",
        [found[0]["id"]],
    )
    (line,) = api.get(f"/v1/invoices/{found[0]['id']}").json()["lines"]
    assert (line["qty"], line["net"], line["tax_rate"]) == (3, "1.50", "0.190000")
    assert pages(api, "/v1/invoices", status="PAID") == []
    assert api.get("/v1/invoices", params={"status": "LOST"}).status_code == 422


def test_what_is_not_set_up_says_so(api: httpx.Client) -> None:
    report = {"customer_id": "00000000-0000-0000-0000-000000000001", "month": "2026-01"}
    answers = [
        api.get("/v1/usage/report", params=report),
        api.post("/v1/tiers", json={"name": "gold", "credits": "1000"}),
        api.post("/v1/usage/readings"),
        api.get("/v1/exports/daily", params={"date": "2026-01-01"}),
    ]
    assert [answer.status_code for answer in answers] == [501] * 4
    assert "usage is not set up in this warehouse" in answers[0].json()["detail"]
    assert "BDA_AIRFLOW_URL" in answers[2].json()["detail"]


def test_published_files_have_links(
    postgres: EmbeddedPostgres, ledger_database: str, s3_server: LocalS3, bucket: str, tmp_path: Path
) -> None:
    import httpx

    s3 = s3_server.client()
    version = s3.put_object(Bucket=bucket, Key="webshop/local/a_0000.csv", Body=b"a\n1\n")["VersionId"]
    s3.put_object(Bucket=bucket, Key="webshop/local/a_0000.csv", Body=b"later\n")
    file = ManifestFile(key="webshop/local/a_0000.csv", version_id=version, rows=1, bytes=4, sha256="0", etag="e")
    export = ManifestExport(columns=["a"], rows=1, control_totals={}, csv={}, files=[file])
    manifest = Manifest(
        run_id="r", client="webshop", environment="local", business_date="2026-01-02", published_at="x",
        exports={"a": export},
    )  # fmt: skip
    s3.put_object(Bucket=bucket, Key="webshop/local/_manifest.json", Body=manifest.body())
    settings = {
        "BDA_CLIENT_ID": "webshop", "BDA_ENVIRONMENT": "local", "BDA_S3_BUCKET": bucket, "BDA_S3_URL": s3_server.url,
        "BDA_S3_ACCESS_KEY": ACCESS_KEY, "BDA_S3_SECRET_ACCESS_KEY": SECRET_KEY,
    }  # fmt: skip
    with Running(postgres, ledger_database, tmp_path / "log", **settings) as running, running.client() as api:
        (found,) = api.get("/v1/exports/daily", params={"date": "2026-01-02"}).json()["files"]
        assert httpx.get(found["url"], trust_env=False).content == b"a\n1\n"
        assert (found["export"], found["rows"]) == ("a", 1)
        other = api.get("/v1/exports/daily", params={"date": "2026-01-03"})
        assert (other.status_code, "2026-01-02" in other.json()["detail"]) == (404, True)


def test_health_looks_at_the_database(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    new_ledger(postgres, "ledger_api_health")
    with Running(postgres, "ledger_api_health", tmp_path / "log") as running, running.client() as api:
        assert api.get("/healthz").status_code == 200
        with psycopg.connect(postgres.dsn(), autocommit=True) as admin:
            admin.execute("alter database ledger_api_health with allow_connections false")
            admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'ledger_api_health'")
            answer = api.get("/healthz")
            assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
            admin.execute("alter database ledger_api_health with allow_connections true")
        assert api.get("/healthz").status_code == 200


def test_metrics_and_docs_need_nothing_from_outside(api: httpx.Client) -> None:
    api.get("/v1/accounts", params={"limit": 1})
    assert 'place="/v1/accounts"' in api.get("/metrics").text
    page = api.get("/docs").text
    assert "http" not in page.replace("<!DOCTYPE html>", "")
    for part in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert f"/docs/assets/{part}" in page
        assert api.get(f"/docs/assets/{part}").status_code == 200


def test_a_request_id_is_kept_and_a_bad_one_replaced(api: httpx.Client) -> None:
    assert api.get("/healthz", headers={"X-Request-Id": "abc-1"}).headers["x-request-id"] == "abc-1"
    assert api.get("/healthz", headers={"X-Request-Id": "a b"}).headers["x-request-id"] != "a b"
