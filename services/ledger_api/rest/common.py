"""What routes share: the service, scopes, parameters of pages, documented problems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Query, Request, Security
from fastapi.security import HTTPBearer

from services.ledger_api.service import Service

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

BEARER = HTTPBearer(auto_error=False, description="A token of the OIDC issuer; none is needed on loopback.")
MAX_BIGINT = 9_223_372_036_854_775_807
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}
MEANINGS = {
    400: "The request cannot be read", 401: "No valid token", 403: "The token lacks the scope", 404: "Not found",
    405: "No such method", 409: "It conflicts with what is there", 413: "The body is too large",
    422: "The request is refused; nothing was written", 501: "Not set up here", 503: "Not now; send it again",
}  # fmt: skip


def problems(*more: int) -> dict[int | str, dict[str, Any]]:
    """Return the documented problems of a route: those that any has, and *more*."""
    return {
        status: {"description": MEANINGS[status], "content": {"application/problem+json": {"schema": PROBLEM}}}
        for status in sorted({400, 401, 403, 422, 503, *more})
    }


async def get_service(request: Request) -> Service:
    """Return the running service. A coroutine: a plain function would be handed to a thread for each request."""
    service: Service = request.app.state.service
    return service


def needs(scope: str) -> Any:
    """Return the dependency that lets only callers with *scope* in."""

    async def check(request: Request, service: The) -> None:
        await service.access.check(request.headers.get("authorization"), scope)

    checked: Callable[..., Awaitable[None]] = check
    return [Security(BEARER), Depends(checked)]


The = Annotated[Service, Depends(get_service)]
Limit = Annotated[int, Query(ge=1, le=500, description="Rows of a page")]
NumberAfter = Annotated[int | None, Query(ge=0, le=MAX_BIGINT, description="`next` of the page before")]
