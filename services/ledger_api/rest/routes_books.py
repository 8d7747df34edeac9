"""Routes of the books: accounts, transactions, invoices, what is published of them."""

from __future__ import annotations

from datetime import date  # noqa: TC003 - FastAPI reads annotations
from typing import Annotated, Any, Literal
from uuid import UUID  # noqa: TC003 - FastAPI reads annotations

from fastapi import APIRouter, Body, Header, Path, Query

from services.ledger_api import queries
from services.ledger_api import transactions as posted
from services.ledger_api.models import Day, Key, Name, Page, ReversalIn, TransactionIn, TransactionOut, TransactionPage
from services.ledger_api.rest.common import MAX_BIGINT, Limit, NumberAfter, The, needs, problems
from services.ledger_api.tokens import READ, WRITE

router = APIRouter(prefix="/v1", tags=["books"])
Status = Literal["ON_HOLD", "OPEN", "PARTIALLY_PAID", "PAID", "PAYMENT_FAILED", "CANCELLED"]
KeyHeader = Annotated[Key, Header(description="Key of the post")]
Owner = Annotated[Name | None, Query()]


async def post_transaction(body: TransactionIn, idempotency_key: KeyHeader = None) -> TransactionOut:
    """Post a transaction. The same key and body again: the first answer again; another body: 409."""
    raise AssertionError("answered by Posts")


router.add_api_route(
    "/transactions", post_transaction, methods=["POST"], status_code=201, dependencies=needs(WRITE),
    responses=problems(409, 413),
)  # fmt: skip


@router.get("/invoices", dependencies=needs(READ), responses=problems())
async def invoices(
    service: The,
    status: Status | None = None,
    customer_id: Owner = None,
    after: NumberAfter = None,
    limit: Limit = 100,
) -> Page:
    """List invoices in the order of their ids."""
    return Page(**await queries.invoices(service.pool, limit, after, status, customer_id))


@router.get("/invoices/{invoice_id}", dependencies=needs(READ), responses=problems(404))
async def invoice(service: The, invoice_id: Annotated[int, Path(ge=1, le=MAX_BIGINT)]) -> dict[str, Any]:
    """Return an invoice with its lines."""
    return await queries.invoice(service.pool, invoice_id)


@router.get("/accounts", dependencies=needs(READ), responses=problems())
async def accounts(service: The, owner: Owner = None, after: NumberAfter = None, limit: Limit = 100) -> Page:
    """List accounts."""
    return Page(**await queries.accounts(service.pool, limit, after, owner))


@router.get("/accounts/{owner}/{code}/balance", dependencies=needs(READ), responses=problems(404))
async def balance(service: The, owner: Name, code: Name, at: Day | None = None) -> dict[str, Any]:
    """Return an account's balance in each currency, now or at the end of a business day."""
    return await queries.balance(service.pool, owner, code, at)


@router.get("/transactions", dependencies=needs(READ), responses=problems())
async def transactions(  # noqa: PLR0917 - FastAPI gives them by name
    service: The,
    owner: Owner = None,
    code: Owner = None,
    idempotency_key: Owner = None,
    kind: Owner = None,
    source: Owner = None,
    business_date_from: Day | None = None,
    business_date_to: Day | None = None,
    after: UUID | None = None,
    limit: Limit = 100,
) -> TransactionPage:
    """List transactions in the order of their posting, with their entries."""
    found = await posted.transactions(
        service.pool, limit, owner=owner, code=code, key=idempotency_key, kind=kind, source=source,
        first=business_date_from, last=business_date_to, after=after,
    )  # fmt: skip
    return TransactionPage(**found)


@router.get("/transactions/{transaction_id}", dependencies=needs(READ), responses=problems(404))
async def transaction(service: The, transaction_id: UUID) -> TransactionOut:
    """Return a transaction with its entries."""
    return TransactionOut(**await posted.transaction(service.pool, transaction_id))


@router.post(
    "/transactions/{transaction_id}/reversal",
    status_code=201,
    dependencies=needs(WRITE),
    responses=problems(404, 409, 413),
)
async def reverse_transaction(
    service: The,
    transaction_id: UUID,
    body: Annotated[ReversalIn | None, Body()] = None,
    idempotency_key: KeyHeader = None,
) -> TransactionOut:
    """Reverse a transaction line by line. Without a key: ``reversal:<transaction id>``."""
    return TransactionOut(**await service.reverse(transaction_id, idempotency_key, body or ReversalIn()))


@router.get("/exports/daily", dependencies=needs(READ), responses=problems(404, 501))
async def daily_exports(service: The, day: Annotated[date, Query(alias="date")]) -> dict[str, Any]:
    """Return the published files of a business day, with links that expire after 15 minutes."""
    return await service.exports.of_day(day)
