"""Health and metrics: without a token."""

from __future__ import annotations

from typing import Any

import psycopg
from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from psycopg.errors import InsufficientPrivilege
from psycopg_pool import PoolTimeout
from starlette.responses import PlainTextResponse, Response

from services.ledger_api.database import answers
from services.ledger_api.problems import missing_privilege, unavailable
from services.ledger_api.rest.common import The, problems

router = APIRouter(tags=["operations"])


@router.get("/healthz", responses={503: problems()[503]})
async def healthz(service: The) -> dict[str, str]:
    """Ask the database."""
    try:
        there = await answers(service.pool)
    except InsufficientPrivilege as error:
        raise missing_privilege(error) from None
    except (psycopg.Error, PoolTimeout):
        raise unavailable("the database does not answer") from None
    if not there:
        raise unavailable("the database has no ledger: the first run of a client with orders or usage makes it")
    return {"status": "ok", "database": "ok"}


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(service: The) -> Response:
    """Return the metrics as Prometheus reads them."""
    pool: dict[str, Any] = service.pool.get_stats()
    lines = "".join(
        f"# TYPE ledger_{name} gauge\nledger_{name} {pool.get(name, 0)}\n"
        for name in ("pool_size", "pool_available", "requests_waiting")
    )
    return Response(generate_latest() + lines.encode(), media_type=CONTENT_TYPE_LATEST)


@router.get("/empty", include_in_schema=False)
async def empty() -> dict[str, str]:
    """Do nothing: what the server itself costs, for the benchmark."""
    return {}
