"""Transactions with their entries: one, and keyset pages in the order of their posting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

from services.ledger_api.database import rows
from services.ledger_api.problems import not_found
from services.ledger_api.queries import conditions_of, page

if TYPE_CHECKING:
    from uuid import UUID

    from services.ledger_api.database import Pool, Row

COLUMNS: LiteralString = """
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
from {source} as posted
"""
TRANSACTIONS = COLUMNS.replace("{source}", "ledger.transaction")
ONE_TRANSACTION = TRANSACTIONS + "where posted.transaction_id = %(id)s"
BY_KEY = TRANSACTIONS + "where posted.idempotency_key = %(key)s"
CONDITIONS: dict[str, LiteralString] = {
    "after": "posted.transaction_id > %(after)s",
    "key": "posted.idempotency_key = %(key)s",
    "kind": "posted.kind = %(kind)s",
    "source": "posted.source = %(source)s",
    "first": "posted.business_date >= %(first)s",
    "last": "posted.business_date <= %(last)s",
}
OF_ACCOUNT: dict[str, LiteralString] = {"owner": "account.owner = %(owner)s", "code": "account.code = %(code)s"}
FEW_ACCOUNTS, FEW_DAYS = 100, 31
SOME_ACCOUNTS: LiteralString = "select account_id from ledger.account where {accounts} limit %(few)s + 1"
# OFFSET 0 below keeps the planner on the way that is written: it takes those who match for spread over all, and would
# go through all transactions in their order until it has met enough of them.
OF_DAYS: LiteralString = """(
    select * from ledger.transaction as dated
    where dated.business_date >= %(first)s and dated.business_date <= %(last)s
    offset 0
)"""
# Of a few accounts: each account's own entries in their order, as far as a page needs them.
BY_ENTRIES: LiteralString = """
posted.transaction_id in (
    select picked.transaction_id
    from unnest(%(account_ids)s::bigint[]) as one (account_id)
    cross join lateral (
        select distinct entry.transaction_id
        from ledger.entry
        where
            entry.account_id = one.account_id
            and exists (
                select from ledger.transaction as posted
                where posted.transaction_id = entry.transaction_id {conditions}
                offset 0
            )
        order by entry.transaction_id
        limit %(limit)s
    ) as picked
)
"""
# Of a few days, or of a code that many owners have.
BY_TRANSACTIONS: LiteralString = """
exists (
    select from ledger.entry
    join ledger.account on entry.account_id = account.account_id
    where entry.transaction_id = posted.transaction_id and {accounts}
    offset 0
)
"""


async def transactions(pool: Pool, limit: int, **wanted: Any) -> Row:
    """Return a page of transactions, in the order of their posting."""
    values: Row = wanted | {"limit": limit + 1, "few": FEW_ACCOUNTS}
    if accounts := conditions_of(OF_ACCOUNT, values):
        found = await rows(pool, SOME_ACCOUNTS.replace("{accounts}", " and ".join(accounts)), values)
        values["account_ids"] = [row["account_id"] for row in found]
    return page(await rows(pool, page_of_transactions(values), values), limit, "transaction_id")


def page_of_transactions(wanted: Row) -> LiteralString:
    """Return the query of the transactions that *wanted* asks for; ``account_ids``: its accounts, or too many."""
    conditions, accounts = conditions_of(CONDITIONS, wanted), conditions_of(OF_ACCOUNT, wanted)
    few_days = wanted.get("first") and wanted.get("last") and (wanted["last"] - wanted["first"]).days <= FEW_DAYS
    if accounts and (few_days or len(wanted["account_ids"]) > FEW_ACCOUNTS):
        conditions.append(BY_TRANSACTIONS.replace("{accounts}", " and ".join(accounts)))
    elif accounts:
        after: LiteralString = "entry.transaction_id > %(after)s and " if wanted.get("after") else ""
        of_entries = BY_ENTRIES.replace("entry.account_id =", after + "entry.account_id =")
        conditions = [of_entries.replace("{conditions}", "".join(" and " + one for one in conditions))]
    where = " where " + " and ".join(conditions) if conditions else ""
    query = COLUMNS.replace("{source}", OF_DAYS) if few_days else TRANSACTIONS
    return query + where + " order by posted.transaction_id limit %(limit)s"


async def transaction(pool: Pool, transaction_id: UUID) -> Row:
    """Return one transaction with its entries."""
    found = await rows(pool, ONE_TRANSACTION, {"id": transaction_id})
    if not found:
        raise not_found(f"transaction {transaction_id}")
    return found[0]
