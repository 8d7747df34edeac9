"""The balance of an account with very many entries, asked of the ledger's API; see benchmarks.bench_ledger."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import psycopg

from billing_aggregator.local.warehouse import DATABASE, ROLE
from services.ledger_api.queries import page_of_entries

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.local.postgres import EmbeddedPostgres

# Transactions of a thousand entries of account 1200 and one of 4000, spread over a year.
LARGE = """
with posted as (
    insert into ledger.transaction (idempotency_key, kind, business_date, source)
    select 'large-' || n, 'manual', date '2026-01-01' + (n %% 365)::integer, 'api'
    from generate_series(%(first)s::integer, %(last)s::integer) as n
    returning transaction_id
)
insert into ledger.entry (transaction_id, line, account_id, side, amount, currency)
select
    posted.transaction_id, line, account.account_id, account.normal_side,
    case account.code when '1200' then 1 else %(lines)s::integer end, 'EUR'
from posted
cross join generate_series(1, %(lines)s::integer + 1) as line
join ledger.account
    on account.owner = 'house' and account.code = case when line <= %(lines)s::integer then '1200' else '4000' end
"""
LINES_OF_ONE, ONES_OF_A_STATEMENT = 1000, 500
#: Seconds: so long the account is posted to before it is asked.
FOLDED_TWICE = 11
# What one account has of a day on which it was posted to all the time, and nobody has folded its totals yet.
UNFOLDED = """
do $$
begin
    for n in 1..20000 loop
        perform ledger.post(
            'unfolded-' || n, 'manual', '2026-12-31', 'api',
            '[{"owner": "house", "code": "1200", "side": "debit", "amount": "1", "currency": "EUR"},
              {"owner": "house", "code": "4000", "side": "credit", "amount": "1", "currency": "EUR"}]'
        );
    end loop;
end $$
"""


def balance_of_a_large_account(
    server: EmbeddedPostgres, url: str, rows: int, post: Callable[[threading.Event], None]
) -> dict[str, Any]:
    """Post *rows* entries to account 1200 by SQL and return the milliseconds of its balance, the worst of 20.

    Then the same while clients post to it, and with the totals of 20,000 single posts of a day on top; a page of
    another account's entries.

    :param post: posts to the account until the event is set.
    """
    step = LINES_OF_ONE * ONES_OF_A_STATEMENT
    began = time.perf_counter()
    with psycopg.connect(server.dsn(DATABASE, ROLE), autocommit=True) as owner:
        for part in range(0, rows // LINES_OF_ONE, ONES_OF_A_STATEMENT):
            wanted = {"first": part + 1, "last": part + ONES_OF_A_STATEMENT, "lines": LINES_OF_ONE}
            owner.execute(LARGE.encode(), wanted)
        found: dict[str, Any] = {"entries": -(-rows // step) * step, "seconds": round(time.perf_counter() - began)}
        found |= balances(url, "")
        end = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(post, end)
            time.sleep(FOLDED_TWICE)
            found |= balances(url, "_under_load")
            end.set()
        owner.execute(UNFOLDED.encode())
        found |= balances(url, "_unfolded") | {"entries_of_account_4000": entries_of_an_account(owner)}
    return found


def balances(url: str, name: str) -> dict[str, float]:
    """Return the milliseconds of the balance now and at a day, the worst of 20."""
    found = {}
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as api:
        for what, at in (("now", {}), ("at_a_day", {"at": "2026-06-30"})):
            times = []
            for _ in range(20):
                started = time.perf_counter()
                api.get("/v1/accounts/house/1200/balance", params=at).raise_for_status()
                times.append((time.perf_counter() - started) * 1000)
            found[f"{what}{name}_ms"] = round(max(times), 2)
            found[f"{what}{name}_median_ms"] = round(sorted(times)[10], 2)
    return found


def entries_of_an_account(owner: psycopg.Connection[Any]) -> dict[str, Any]:
    """Return the milliseconds of a page of an account's entries beside so many of another one."""
    row = owner.execute("select account_id from ledger.account where owner = 'house' and code = '4000'").fetchone()
    assert row is not None
    wanted = {"account_id": row[0], "limit": 500}
    started = time.perf_counter()
    count = len(owner.execute(page_of_entries(wanted), wanted).fetchall())
    return {"rows": count, "ms": round((time.perf_counter() - started) * 1000, 2)}
