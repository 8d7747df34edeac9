"""What both roads share: the pool, the poster, who may do what. Routes and methods call it and nothing below it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from services.ledger_api.database import new_pool
from services.ledger_api.exports import Exports
from services.ledger_api.posting import Poster, Posting
from services.ledger_api.reversals import reverse
from services.ledger_api.tokens import Access

if TYPE_CHECKING:
    from uuid import UUID

    from services.ledger_api.database import Pool, Row
    from services.ledger_api.groups import Receipt
    from services.ledger_api.models import ReversalIn, TransactionIn
    from services.ledger_api.settings import ServiceSettings


@dataclass(frozen=True)
class Service:
    """One running service."""

    settings: ServiceSettings
    pool: Pool
    poster: Poster
    access: Access
    exports: Exports
    zone: ZoneInfo

    def today(self) -> date:
        """Return the business day of now."""
        return datetime.now(self.zone).date()

    async def post(self, key: str, body: TransactionIn) -> Row:
        """Post a transaction, see :meth:`services.ledger_api.posting.Poster.post`."""
        return await self.poster.post(self._posting(key, body))

    async def receipt(self, key: str, body: TransactionIn) -> Receipt:
        """Post a transaction, see :meth:`services.ledger_api.posting.Poster.receipt`."""
        return await self.poster.receipt(self._posting(key, body))

    def _posting(self, key: str, body: TransactionIn) -> Posting:
        return Posting(
            key,
            body.kind,
            body.business_date or self.today(),
            # A frozen model's own fields, which nobody changes: a copy of each would take as long as their validation.
            tuple(map(vars, body.entries)),
            body.description,
            body.metadata,
            dated=body.business_date is not None,
        )

    async def reverse(self, transaction_id: UUID, key: str | None, body: ReversalIn) -> Row:
        """Reverse a transaction, see :func:`services.ledger_api.reversals.reverse`."""
        return await reverse(
            self.pool, self.poster, transaction_id,
            key=key, day=body.business_date, today=self.today(), description=body.description,
        )  # fmt: skip


def new_service(settings: ServiceSettings) -> Service:
    """Return a service whose pool is not yet open."""
    pool = new_pool(settings)
    return Service(settings, pool, Poster(pool), Access(settings), Exports(settings), ZoneInfo(settings.timezone))
