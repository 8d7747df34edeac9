"""Posts transactions, in groups of one statement and one commit.

A post is answered when it is durable. Where any of a group is refused, or its key is known, the group's posts are made
one by one by ``ledger.post``, which says what is wrong with which; so no caller sees another one's refusal.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.types.json import Jsonb

from services.ledger_api.database import rows
from services.ledger_api.groups import Groups, Receipt
from services.ledger_api.problems import RETRIED
from services.ledger_api.transactions import BY_KEY

if TYPE_CHECKING:
    from datetime import date
    from uuid import UUID

    from services.ledger_api.database import Pool, Row

TRIES = 6

POST_ONE = """
select ledger.post(
    idempotency_key => %(idempotency_key)s, kind => %(kind)s, business_date => %(business_date)s, source => 'api',
    entries => %(entries)s, description => %(description)s, reverses => %(reverses)s, metadata => %(metadata)s
)
"""
MINOR_UNITS = "select code, minor_units from ledger.currency"


@dataclass(slots=True)
class Posting:
    """A transaction to be posted.

    :param dated: whether the caller named the business date; else it is today's, and a repetition takes the first's.
    :param entries: of ``owner``, ``code``, ``side``, ``amount``, ``currency``, ``base_amount``; amounts as text.
    """

    idempotency_key: str
    kind: str
    business_date: date
    entries: tuple[dict[str, Any], ...]
    description: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    reverses: UUID | None = None
    dated: bool = True

    def values(self) -> Row:
        """Return the values as the statements take them."""
        return {
            "idempotency_key": self.idempotency_key, "kind": self.kind, "business_date": self.business_date.isoformat(),
            "description": self.description, "metadata": self.metadata, "entries": list(self.entries),
        }  # fmt: skip


class Poster:
    """Posts for both roads, in groups where it can."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._groups = Groups(pool)
        self._minor_units: dict[str, int] = {}

    async def post(self, posting: Posting) -> Row:
        """Post, and return the transaction as it is stored; the same key and content again return the first one."""
        posted = await self._posted(posting)
        return await self._stored(posting, posted) if isinstance(posted, Receipt) else posted

    async def receipt(self, posting: Posting) -> Receipt:
        """Post like :meth:`post`, and return what the ledger has given to the transaction."""
        posted = await self._posted(posting)
        if isinstance(posted, Receipt):
            return posted
        return Receipt(str(posted["transaction_id"]), posted["business_date"], posted["posted_at"])

    async def _posted(self, posting: Posting) -> Receipt | Row:
        """Post, in a group where it can be; alone the answer is the whole transaction."""
        receipt = await self._groups.add(posting) if posting.reverses is None else None
        return receipt or await self._post_alone(posting)

    async def _post_alone(self, posting: Posting) -> Row:
        for attempt in range(TRIES):
            try:
                return await self._post_once(posting)
            except (*RETRIED, psycopg.OperationalError) as error:
                if attempt == TRIES - 1 or not _repeatable(error):
                    raise
            await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - no secret
        raise AssertionError("unreachable")

    async def _post_once(self, posting: Posting) -> Row:
        day = posting.business_date
        if not posting.dated:
            found = await rows(self._pool, BY_KEY, {"key": posting.idempotency_key})
            day = found[0]["business_date"] if found else day
        values = posting.values() | {
            "business_date": day, "reverses": posting.reverses, "metadata": Jsonb(posting.metadata),
            "entries": Jsonb(list(posting.entries)),
        }  # fmt: skip
        async with self._pool.connection() as connection:
            await connection.execute(POST_ONE, values)
        return (await rows(self._pool, BY_KEY, {"key": posting.idempotency_key}))[0]

    async def _stored(self, posting: Posting, receipt: Receipt) -> Row:
        """Return what a query would read, without asking for it."""
        for entry in posting.entries:
            if entry["currency"] not in self._minor_units:
                self._minor_units = {row["code"]: row["minor_units"] for row in await rows(self._pool, MINOR_UNITS)}
        return {
            "transaction_id": receipt.transaction_id,
            "idempotency_key": posting.idempotency_key,
            "kind": posting.kind,
            "business_date": receipt.business_date,
            "occurred_at": receipt.posted_at,
            "posted_at": receipt.posted_at,
            "description": posting.description,
            "source": "api",
            "reverses": None,
            "metadata": posting.metadata,
            "entries": [self._line(number, entry) for number, entry in enumerate(posting.entries, 1)],
        }

    def _line(self, number: int, entry: Row) -> Row:
        amount, base = Decimal(entry["amount"]), entry["base_amount"]
        return {
            "line": number,
            "owner": entry["owner"],
            "code": entry["code"],
            "side": entry["side"],
            "amount": f"{amount:.{self._minor_units[entry['currency']]}f}",
            "currency": entry["currency"],
            "base_amount": base and _trimmed(base),
        }


def _repeatable(error: Exception) -> bool:
    """Tell whether a post may be sent again; its key keeps it from being made twice."""
    state = getattr(error, "sqlstate", None)
    return isinstance(error, RETRIED) or state is None or str(state).startswith(("08", "57P"))


def _trimmed(amount: str) -> str:
    """Return the amount as ``trim_scale`` writes it."""
    text = f"{Decimal(amount):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
