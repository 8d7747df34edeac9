"""What is read of accounts, entries and invoices: keyset pages, exact amounts as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

from services.ledger_api.database import rows
from services.ledger_api.problems import not_found

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import date

    from services.ledger_api.database import Pool, Row

STREAMED_ROWS = 500

ACCOUNTS: LiteralString = """
select account_id, owner, code, name, kind, normal_side, allow_negative, metadata
from ledger.account{where}
order by account_id
limit %(limit)s
"""
ACCOUNT_CONDITIONS: dict[str, LiteralString] = {"after": "account_id > %(after)s", "owner": "owner = %(owner)s"}
ACCOUNT = "select account_id, owner, code, normal_side from ledger.account where owner = %(owner)s and code = %(code)s"
# The totals answer for any number of entries; a day's balance is that of all days until then.
BALANCES = """
select
    total.currency,
    round(sum(total.debit), currency.minor_units)::text as debit,
    round(sum(total.credit), currency.minor_units)::text as credit,
    round(
        case %(side)s when 'debit' then sum(total.debit - total.credit) else sum(total.credit - total.debit) end,
        currency.minor_units
    )::text as balance
from ledger.account_total as total
join ledger.currency on total.currency = currency.code
where total.account_id = %(account_id)s and (%(at)s::date is null or total.business_date <= %(at)s)
group by total.currency, currency.minor_units
order by total.currency
"""
INVOICES: LiteralString = """
select
    id, order_id, customer_id, invoice_number, currency, subtotal::text, tax::text, total::text, base_currency,
    fx_rate::text, base_total::text, status, paid::text, version, business_date, created_at, updated_at
from billing.invoices{where}
order by id
limit %(limit)s
"""
INVOICE_CONDITIONS: dict[str, LiteralString] = {
    "id": "id = %(id)s",
    "after": "id > %(after)s",
    "status": "status = %(status)s",
    "customer": "customer_id = %(customer)s",
}
LINES = """
select line, sku, qty, unit_price::text, net::text, tax_class, tax_rate::text
from billing.invoice_lines where invoice_id = %(id)s order by line
"""
ENTRIES: LiteralString = """
select
    entry.transaction_id, posted.idempotency_key, posted.business_date, entry.line, account.owner, account.code,
    entry.side, round(entry.amount, currency.minor_units)::text as amount, entry.currency,
    trim_scale(entry.base_amount)::text as base_amount
from ledger.entry
join ledger.transaction as posted on entry.transaction_id = posted.transaction_id
join ledger.account on entry.account_id = account.account_id
join ledger.currency on entry.currency = currency.code{where}
order by entry.transaction_id, entry.line
limit %(limit)s
"""
ENTRY_CONDITIONS: dict[str, LiteralString] = {
    "after": "(entry.transaction_id, entry.line) > (%(after)s::uuid, %(line)s)",
    "account_id": "entry.account_id = %(account_id)s",
    "first": "posted.business_date >= %(first)s",
    "last": "posted.business_date <= %(last)s",
}


def conditions_of(known: dict[str, LiteralString], wanted: Row) -> list[LiteralString]:
    """Return those of the *known* conditions that *wanted* has a value for.

    One that may be left out ("... is null or ...") would hide the index from the plans that a session keeps.
    """
    return [condition for name, condition in known.items() if wanted.get(name) is not None]


def asked_for(query: LiteralString, known: dict[str, LiteralString], wanted: Row) -> LiteralString:
    """Return *query* with the conditions that hold for *wanted* at ``{where}``."""
    found = conditions_of(known, wanted)
    return query.replace("{where}", "\nwhere " + " and ".join(found) if found else "")


def page(found: list[Row], limit: int, key: str) -> Row:
    """Return a page of rows of which one more than *limit* was asked for."""
    items = found[:limit]
    return {"items": items, "next": str(items[-1][key]) if len(found) > limit else None}


async def accounts(pool: Pool, limit: int, after: int | None, owner: str | None) -> Row:
    """Return a page of accounts."""
    wanted = {"limit": limit + 1, "after": after, "owner": owner}
    return page(await rows(pool, asked_for(ACCOUNTS, ACCOUNT_CONDITIONS, wanted), wanted), limit, "account_id")


async def account(pool: Pool, owner: str, code: str) -> Row:
    """Return an account's id and normal side."""
    found = await rows(pool, ACCOUNT, {"owner": owner, "code": code})
    if not found:
        raise not_found(f"account {code} of {owner}")
    return found[0]


async def balance(pool: Pool, owner: str, code: str, at: date | None) -> Row:
    """Return an account's balance in each currency: now, or at the end of the business day *at*."""
    found = await account(pool, owner, code)
    wanted = {"account_id": found["account_id"], "side": found["normal_side"], "at": at}
    return {
        "owner": owner, "code": code, "normal_side": found["normal_side"], "at": at,
        "balances": await rows(pool, BALANCES, wanted),
    }  # fmt: skip


async def invoices(pool: Pool, limit: int, after: int | None, status: str | None, customer_id: str | None) -> Row:
    """Return a page of invoices."""
    wanted = {"limit": limit + 1, "after": after, "status": status, "customer": customer_id}
    return page(await rows(pool, asked_for(INVOICES, INVOICE_CONDITIONS, wanted), wanted), limit, "id")


async def invoice(pool: Pool, invoice_id: int) -> Row:
    """Return one invoice with its lines."""
    wanted = {"limit": 1, "id": invoice_id}
    found = await rows(pool, asked_for(INVOICES, INVOICE_CONDITIONS, wanted), wanted)
    if not found:
        raise not_found(f"invoice {invoice_id}")
    return found[0] | {"lines": await rows(pool, LINES, {"id": invoice_id})}


async def entries(pool: Pool, account_id: int | None, first: date | None, last: date | None) -> AsyncIterator[Row]:
    """Yield entries in the order of their transactions, 500 at a time: no connection is held while a caller reads."""
    wanted: Row = {"account_id": account_id, "first": first, "last": last, "limit": STREAMED_ROWS}
    while True:
        found = await rows(pool, page_of_entries(wanted), wanted)
        for row in found:
            yield row
        if len(found) < STREAMED_ROWS:
            return
        wanted |= {"after": found[-1]["transaction_id"], "line": found[-1]["line"]}


def page_of_entries(wanted: Row) -> LiteralString:
    """Return the query of the entries that *wanted* asks for."""
    return asked_for(ENTRIES, ENTRY_CONDITIONS, wanted)
