"""Around every request: its id, a bounded body, a log line, metrics, a span, and problems for what goes wrong."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from services.ledger_api.observe import TRACES, in_flight_of, log, requests_of
from services.ledger_api.problems import ProblemError
from services.ledger_api.rest.refusals import refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from services.ledger_api.rest.posts import Posts

    Headers = dict[bytes, bytes]

#: A body has less than 1 MB: a transaction of 1,000 entries has a fifth of it.
MAX_BODY_BYTES = 1_000_000
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
QUIET = frozenset({"/healthz", "/metrics"})


class Surroundings:
    """The outermost ASGI application.

    :param posts: answers its requests at once, without *app*.
    """

    def __init__(self, app: ASGIApp, posts: Posts) -> None:
        self._app, self._posts = app, posts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        # The first of two of a name, as Starlette takes it.
        headers = dict(reversed(scope["headers"]))
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        in_flight_of("rest").inc()
        try:
            with TRACES.span(scope["method"], request_id=request_id) as span:
                await self._bounded(scope, headers, receive, send_with_id)
                if span is not None:
                    # The route, not the path, which names customers.
                    span.update_name(f"{scope['method']} {_place(scope)}")
        except Exception as error:
            log.debug("raised", request_id=request_id, error=type(error).__name__)
        finally:
            in_flight_of("rest").dec()
            _tell(scope, status, request_id, time.perf_counter() - started)

    async def _bounded(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        try:
            body = await _body(headers, receive)
        except ProblemError as problem:
            await refusal(scope, problem)(scope, receive, send)
            return
        if scope["path"] == self._posts.path and scope["method"] == self._posts.method:
            await self._post(scope, headers, body or b"", receive, send)
            return
        if body is None:
            await self._app(scope, receive, send)
            return
        first = True

        async def replay() -> Message:
            nonlocal first
            if first:
                first = False
                return {"type": "http.request", "body": body, "more_body": False}
            return await receive()

        await self._app(scope, replay, send)

    async def _post(self, scope: Scope, headers: Headers, body: bytes, receive: Receive, send: Send) -> None:
        scope["route"] = self._posts
        try:
            answer = await self._posts.answer(headers, body)
        except Exception as error:
            await refusal(scope, error)(scope, receive, send)
            return
        size = str(len(answer)).encode()
        head = [(b"content-length", size), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": self._posts.status, "headers": head})
        await send({"type": "http.response.body", "body": answer})


async def _body(headers: Headers, receive: Receive) -> bytes | None:
    """Return the whole body; None where a request has none."""
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or int(length) >= MAX_BODY_BYTES:
        raise _too_large()
    if length == b"0" and b"transfer-encoding" not in headers:
        return None
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size >= MAX_BODY_BYTES:
            raise _too_large()
        more = message.get("more_body", False)
    return b"".join(pieces)


def _too_large() -> ProblemError:
    return ProblemError(
        "too-large", 413, "The body is too large", f"a body has less than {MAX_BODY_BYTES:,} bytes",
        headers={"Connection": "close"},
    )  # fmt: skip


def _place(scope: Scope) -> str:
    """Return the path of the request's route, with the names of its parameters."""
    route: Any = scope.get("route")
    return str(getattr(route, "path", "other"))


def _tell(scope: Scope, status: int, request_id: str, seconds: float) -> None:
    place = _place(scope)
    requests_of("rest", scope["method"] if place != "other" else "other", place, str(status)).observe(seconds)
    if scope["path"] not in QUIET:
        log.info(
            "request", road="rest", method=scope["method"], place=place, status=status, request_id=request_id,
            milliseconds=round(seconds * 1000, 1),
        )  # fmt: skip
