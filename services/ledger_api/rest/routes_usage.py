"""Routes of the usage: tiers, readings by hand, the report of a month."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID  # noqa: TC003 - FastAPI reads annotations

from fastapi import APIRouter, Body, Query

from services.ledger_api import usage
from services.ledger_api.models import ReadingIn, TierIn
from services.ledger_api.rest.common import The, needs, problems
from services.ledger_api.tokens import READ, USAGE

router = APIRouter(prefix="/v1", tags=["usage"])


@router.post("/tiers", status_code=201, dependencies=needs(USAGE), responses=problems(409, 413, 501))
async def new_tier(service: The, body: TierIn) -> dict[str, Any]:
    """Add a tier of customers."""
    return await usage.new_tier(service.pool, body)


@router.post("/usage/readings", status_code=202, dependencies=needs(USAGE), responses=problems(413, 501))
async def take_reading(service: The, body: Annotated[ReadingIn | None, Body()] = None) -> dict[str, Any]:
    """Take a reading now, by the feed's DAG."""
    return await usage.take_reading(service.settings, body or ReadingIn())


@router.get("/usage/report", dependencies=needs(READ), responses=problems(404, 501))
async def report(
    service: The,
    customer_id: UUID,
    month: Annotated[str, Query(pattern=r"^(19|2[0-9])[0-9]{2}-(0[1-9]|1[0-2])$", examples=["2026-10"])],
    by: Literal["space", "org", "resource"] = "space",
) -> dict[str, Any]:
    """Return the priced usage of a customer and month."""
    first = date(int(month[:4]), int(month[5:]), 1)
    return await usage.report(service.pool, str(customer_id), first, by, service.settings.timezone)
