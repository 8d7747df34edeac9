"""The route that posts, answered without FastAPI's dependencies: solving them costs more than the post itself.

FastAPI documents the route from the function's signature, as it does all others; what it would do with a request is
done here, with the same models and the same refusals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from services.ledger_api.models import Key, TransactionIn, TransactionOut
from services.ledger_api.problems import ProblemError
from services.ledger_api.tokens import WRITE

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.requests import Request

    from services.ledger_api.service import Service

CREATED = 201
KEY: TypeAdapter[str | None] = TypeAdapter(Key)
KEY_MISSING = ProblemError(
    "idempotency-key-missing", 400, "The header Idempotency-Key is missing",
    "a post names its key in the header Idempotency-Key, so that it can be sent again",
)  # fmt: skip


class PostingRoute(APIRoute):
    """A route whose requests are a :class:`TransactionIn` and its key."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers."""
        return post_transaction


async def post_transaction(request: Request) -> Response:
    """Post the transaction of a request.

    :raises ProblemError: the caller may not, the key is missing, or the ledger refuses it.
    :raises RequestValidationError: key or body are none.
    """
    service: Service = request.app.state.service
    await service.access.check(request.headers.get("authorization"), WRITE)
    errors: list[Any] = []
    key = None
    try:
        key = KEY.validate_python(request.headers.get("idempotency-key"))
    except ValidationError as error:
        errors += _placed(error, "header", "Idempotency-Key")
    try:
        body = _read(request.headers.get("content-type", ""), await request.body())
    except ValidationError as error:
        errors += _placed(error, "body")
    if errors:
        raise RequestValidationError(errors)
    if key is None:
        raise KEY_MISSING
    posted = TransactionOut(**await service.post(key, body))
    return Response(posted.model_dump_json(), CREATED, media_type="application/json")


def _read(content_type: str, raw: bytes) -> TransactionIn:
    """Return the body. Only JSON that says so is read: a browser's form, which may go anywhere, cannot post."""
    if raw and _is_json(content_type):
        return TransactionIn.model_validate_json(raw)
    # No body, or one of another kind: neither is an object.
    return TransactionIn.model_validate(raw or None)


def _is_json(content_type: str) -> bool:
    kind, _, subtype = content_type.partition(";")[0].strip().lower().partition("/")
    return kind == "application" and (subtype == "json" or subtype.endswith("+json"))


def _placed(error: ValidationError, *place: str) -> list[Any]:
    """Return the errors with their place in the request."""
    return [found | {"loc": (*place, *found["loc"])} for found in error.errors(include_url=False, include_input=False)]
