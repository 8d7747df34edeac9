"""The posts of REST, answered without FastAPI: its routes and dependencies cost more than the post itself.

FastAPI documents the route from the function's signature, as it does all others; what it would do with a request is
done here, with the same models and the same refusals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

from services.ledger_api.models import Key, TransactionIn
from services.ledger_api.problems import ProblemError
from services.ledger_api.tokens import WRITE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.ledger_api.service import Service

CREATED = 201
KEY: TypeAdapter[str | None] = TypeAdapter(Key)
ANSWER: TypeAdapter[Any] = TypeAdapter(Any)
KEY_MISSING = ProblemError(
    "idempotency-key-missing", 400, "The header Idempotency-Key is missing",
    "a post names its key in the header Idempotency-Key, so that it can be sent again",
)  # fmt: skip


class Posts:
    """Answers ``POST /v1/transactions``: a :class:`TransactionIn` and its key."""

    method, path, status = "POST", "/v1/transactions", CREATED

    def __init__(self, service: Service) -> None:
        self._service = service

    async def answer(self, headers: Mapping[bytes, bytes], raw: bytes) -> bytes:
        """Post the transaction of a request, and return the answer's JSON.

        :raises ProblemError: the caller may not, the key is missing, or the ledger refuses it.
        :raises RequestValidationError: key or body are none.
        """
        await self._service.access.check(_text(headers.get(b"authorization")), WRITE)
        errors: list[Any] = []
        key = None
        try:
            key = KEY.validate_python(_text(headers.get(b"idempotency-key")))
        except ValidationError as error:
            errors += _placed(error, "header", "Idempotency-Key")
        try:
            body = _read(headers.get(b"content-type", b"").decode("latin-1"), raw)
        except ValidationError as error:
            errors += _placed(error, "body")
        if errors:
            raise RequestValidationError(errors)
        if key is None:
            raise KEY_MISSING
        return ANSWER.dump_json(await self._service.post(key, body))


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


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
