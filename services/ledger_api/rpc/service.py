"""``ledger.LedgerService``: the same functions and refusals as REST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.ledger_api import queries
from services.ledger_api.proto import ledger_pb2 as pb
from services.ledger_api.proto import ledger_pb2_grpc
from services.ledger_api.rpc.messages import account_of, day_of, entry_of, transaction_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.ledger_api.database import Row
    from services.ledger_api.models import TransactionIn
    from services.ledger_api.service import Service


Context = Any


class LedgerService(ledger_pb2_grpc.LedgerServiceServicer):
    """The methods; scopes and errors are the interceptor's matter."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def CreateEntry(self, request: pb.LedgerEntry, _: Context) -> pb.PostedTransaction:
        """Post a transaction of two entries."""
        return await self._post(*entry_of(request))

    async def PostTransaction(self, request: pb.TransactionRequest, _: Context) -> pb.PostedTransaction:
        """Post a transaction."""
        return await self._post(*transaction_of(request))

    async def GetBalance(self, request: pb.BalanceRequest, _: Context) -> pb.BalanceReply:
        """Return an account's balance."""
        owner, code = account_of(request.account)
        found = await queries.balance(self._service.pool, owner, code, day_of(request.at))
        return pb.BalanceReply(
            account=f"{owner}/{code}",
            normal_side=found["normal_side"],
            balances=[pb.Balance(**row) for row in found["balances"]],
        )

    async def ListEntries(self, request: pb.EntriesRequest, _: Context) -> AsyncIterator[pb.Entry]:
        """Stream entries."""
        account_id = None
        if request.account:
            account_id = (await queries.account(self._service.pool, *account_of(request.account)))["account_id"]
        first, last = day_of(getattr(request, "from")), day_of(request.to)
        async for row in queries.entries(self._service.pool, account_id, first, last):
            yield _entry(row)

    async def _post(self, key: str, body: TransactionIn) -> pb.PostedTransaction:
        posted = await self._service.receipt(key, body)
        return pb.PostedTransaction(
            transaction_id=posted.transaction_id,
            idempotency_key=key,
            business_date=posted.business_date.isoformat(),
            posted_at=posted.posted_at.isoformat(),
        )


def _entry(row: Row) -> pb.Entry:
    return pb.Entry(
        transaction_id=str(row["transaction_id"]),
        idempotency_key=row["idempotency_key"],
        business_date=row["business_date"].isoformat(),
        line=row["line"],
        account=f"{row['owner']}/{row['code']}",
        side=row["side"],
        amount=row["amount"],
        currency=row["currency"],
        base_amount=row["base_amount"] or "",
    )
