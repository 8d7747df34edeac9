"""Reversals: a transaction that mirrors another one line by line, base amounts too; each is reversed once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.ledger_api.database import rows
from services.ledger_api.posting import Posting
from services.ledger_api.problems import ProblemError
from services.ledger_api.transactions import TRANSACTIONS, transaction

if TYPE_CHECKING:
    from datetime import date
    from uuid import UUID

    from services.ledger_api.database import Pool, Row
    from services.ledger_api.posting import Poster

MIRRORED = {"debit": "credit", "credit": "debit"}
REVERSAL_OF = TRANSACTIONS + "where posted.reverses = %(id)s"


async def reverse(
    pool: Pool,
    poster: Poster,
    transaction_id: UUID,
    *,
    key: str | None,
    day: date | None,
    today: date,
    description: str,
) -> Row:
    """Reverse a transaction and return the reversal.

    :param key: idempotency key; None: ``reversal:<transaction id>``.
    :param day: business date; None: *today*'s, and a repetition takes the first's.
    :raises ProblemError: there is none, or another reversal of it.
    """
    original = await transaction(pool, transaction_id)
    wanted = key or f"reversal:{transaction_id}"
    found = await rows(pool, REVERSAL_OF, {"id": transaction_id})
    if found and found[0]["idempotency_key"] != wanted:
        raise ProblemError(
            "already-reversed", 409, "The transaction is reversed already",
            f"transaction {transaction_id} was reversed by {found[0]['transaction_id']}, "
            f"idempotency key {found[0]['idempotency_key']}",
        )  # fmt: skip
    entries = tuple(
        {name: value for name, value in entry.items() if name != "line"} | {"side": MIRRORED[entry["side"]]}
        for entry in original["entries"]
    )
    return await poster.post(
        Posting(
            wanted,
            "reversal",
            day or today,
            entries,
            description=description,
            reverses=transaction_id,
            dated=day is not None,
        )
    )
