"""Transactions with their entries: one, and keyset pages in the order of their posting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

from services.ledger_api.database import rows
from services.ledger_api.problems import not_found
from services.ledger_api.queries import page

if TYPE_CHECKING:
    from uuid import UUID

    from services.ledger_api.database import Pool, Row

TRANSACTIONS: LiteralString = """
select
    posted.transaction_id, posted.idempotency_key, posted.kind, posted.business_date, posted.occurred_at,
    posted.posted_at, posted.description, posted.source, posted.reverses, posted.metadata,
    (
        select
            jsonb_agg(
                jsonb_build_object(
                    'line', entry.line, 'owner', account.owner, 'code', account.code, 'side', entry.side,
                    'amount', round(entry.amount, currency.minor_units)::text, 'currency', entry.currency,
                    'base_amount', trim_scale(entry.base_amount)::text
                )
                order by entry.line
            )
        from ledger.entry
        join ledger.account on entry.account_id = account.account_id
        join ledger.currency on entry.currency = currency.code
        where entry.transaction_id = posted.transaction_id
    ) as entries
from ledger.transaction as posted
"""
ONE_TRANSACTION = TRANSACTIONS + "where posted.transaction_id = %(id)s"
BY_KEY = TRANSACTIONS + "where posted.idempotency_key = %(key)s"
# Only what is asked for: a condition that may be left out would hide the index that a page needs.
CONDITIONS: dict[str, LiteralString] = {
    "after": "posted.transaction_id > %(after)s",
    "key": "posted.idempotency_key = %(key)s",
    "kind": "posted.kind = %(kind)s",
    "source": "posted.source = %(source)s",
    "first": "posted.business_date >= %(first)s",
    "last": "posted.business_date <= %(last)s",
}
OF_ACCOUNT: dict[str, LiteralString] = {"owner": "account.owner = %(owner)s", "code": "account.code = %(code)s"}
FEW_ACCOUNTS = 100
SOME_ACCOUNTS: LiteralString = "select account_id from ledger.account where {accounts} limit %(few)s + 1"
# Of a few accounts: each account's own entries in their order, as far as a page needs them.
BY_ENTRIES: LiteralString = """
posted.transaction_id in (
    select picked.transaction_id
    from unnest(%(account_ids)s::bigint[]) as one (account_id)
    cross join lateral (
        select distinct entry.transaction_id
        from ledger.entry
        join ledger.transaction as posted on entry.transaction_id = posted.transaction_id
        where entry.account_id = one.account_id {more}
        order by entry.transaction_id
        limit %(limit)s
    ) as picked
)
"""
# A code that many owners have: most transactions touch one of them, so they are gone through in their own order.
BY_TRANSACTIONS: LiteralString = """
exists (
    select from ledger.entry
    join ledger.account on entry.account_id = account.account_id
    where entry.transaction_id = posted.transaction_id and {accounts}
)
"""


async def transactions(pool: Pool, limit: int, **wanted: Any) -> Row:
    """Return a page of transactions, in the order of their posting."""
    values: Row = wanted | {"limit": limit + 1, "few": FEW_ACCOUNTS}
    accounts = " and ".join(condition for name, condition in OF_ACCOUNT.items() if values.get(name) is not None)
    if accounts:
        found = await rows(pool, SOME_ACCOUNTS.replace("{accounts}", accounts), values)
        values["account_ids"] = [row["account_id"] for row in found]
    return page(await rows(pool, page_of_transactions(values), values), limit, "transaction_id")


def page_of_transactions(wanted: Row) -> LiteralString:
    """Return the query of the transactions that *wanted* asks for; ``account_ids``: of these accounts, if few."""
    conditions = [condition for name, condition in CONDITIONS.items() if wanted.get(name) is not None]
    ids = wanted.get("account_ids")
    if ids is not None and len(ids) <= FEW_ACCOUNTS:
        more = [condition.replace("posted.transaction_id", "entry.transaction_id") for condition in conditions]
        conditions = [BY_ENTRIES.replace("{more}", "".join(" and " + condition for condition in more))]
    elif ids is not None:
        accounts = [condition for name, condition in OF_ACCOUNT.items() if wanted.get(name) is not None]
        conditions.append(BY_TRANSACTIONS.replace("{accounts}", " and ".join(accounts)))
    where = " where " + " and ".join(conditions) if conditions else ""
    return TRANSACTIONS + where + " order by posted.transaction_id limit %(limit)s"


async def transaction(pool: Pool, transaction_id: UUID) -> Row:
    """Return one transaction with its entries."""
    found = await rows(pool, ONE_TRANSACTION, {"id": transaction_id})
    if not found:
        raise not_found(f"transaction {transaction_id}")
    return found[0]
