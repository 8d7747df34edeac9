"""The gRPC server: scopes, deadlines, refusals, metrics; health and reflection beside the ledger."""

from __future__ import annotations

import asyncio
import inspect
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from services.ledger_api.observe import PROBLEMS, TRACES, in_flight_of, log, requests_of, without_values
from services.ledger_api.problems import ProblemError, of_database
from services.ledger_api.proto import ledger_pb2, ledger_pb2_grpc
from services.ledger_api.rpc.service import LedgerService
from services.ledger_api.tokens import READ, WRITE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.ledger_api.service import Service

NAME = ledger_pb2.DESCRIPTOR.services_by_name["LedgerService"].full_name
SCOPES = {"CreateEntry": WRITE, "PostTransaction": WRITE, "GetBalance": READ, "ListEntries": READ}
MAX_MESSAGE_BYTES = 1_000_000
CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT, 401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED, 404: grpc.StatusCode.NOT_FOUND, 409: grpc.StatusCode.ALREADY_EXISTS,
    422: grpc.StatusCode.INVALID_ARGUMENT, 501: grpc.StatusCode.UNIMPLEMENTED, 503: grpc.StatusCode.UNAVAILABLE,
}  # fmt: skip


class Surroundings:
    """Around every method of the ledger: who may, how it ended, what it is told as.

    Around the methods themselves and no interceptor: gRPC would make a chain and a handler anew for each call.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def unary(self, name: str, method: Any) -> Any:
        """Return *method* with its surroundings."""

        async def call(request: Any, context: Any) -> Any:
            with _told(name) as ended:
                try:
                    await self._allowed(name, context)
                    # Without a deadline there is no time-out; `wait_for` would make a task of each call.
                    async with asyncio.timeout(context.time_remaining()):
                        return await method(request, context)
                except Exception as error:
                    await _abort(context, error, ended)

        return call

    def stream(self, name: str, method: Any) -> Any:
        """Return *method*, which yields, with its surroundings."""

        async def call(request: Any, context: Any) -> Any:
            with _told(name) as ended:
                try:
                    await self._allowed(name, context)
                    async for answer in method(request, context):
                        yield answer
                except Exception as error:
                    await _abort(context, error, ended)

        return call

    async def _allowed(self, name: str, context: Any) -> None:
        access = self._service.access
        headers = dict(context.invocation_metadata() or ()) if access.needs_token else {}
        await access.check(headers.get("authorization"), SCOPES[name])


@contextmanager
def _told(method: str) -> Iterator[list[str]]:
    started, ended = time.perf_counter(), ["OK"]
    in_flight_of("grpc").inc()
    try:
        with TRACES.span(f"{NAME}/{method}"):
            yield ended
    finally:
        seconds = time.perf_counter() - started
        in_flight_of("grpc").dec()
        requests_of("grpc", method, NAME, ended[0]).observe(seconds)
        log.info("request", road="grpc", method=method, status=ended[0], milliseconds=round(seconds * 1000, 1))


async def _abort(context: Any, error: Exception, ended: list[str]) -> None:
    """End the call with the status of an error; the problem's type goes with it as ``problem-type``."""
    if isinstance(error, TimeoutError):
        ended[0] = "DEADLINE_EXCEEDED"
        await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline has passed")
    problem = error if isinstance(error, ProblemError) else of_database(error)
    if problem is None:
        log.error("failed", road="grpc", **without_values(error))
        ended[0] = "INTERNAL"
        await context.abort(grpc.StatusCode.INTERNAL, "the service has failed")
        return
    code = grpc.StatusCode.FAILED_PRECONDITION if problem.kind == "closed-month" else CODES[problem.status]
    ended[0] = code.name
    PROBLEMS.labels("grpc", problem.kind).inc()
    await context.abort(code, problem.detail, (("problem-type", f"/problems/{problem.kind}"),))


class Rpc:
    """The server."""

    def __init__(self, service: Service) -> None:
        limits = [("grpc.max_receive_message_length", MAX_MESSAGE_BYTES), ("grpc.so_reuseport", 0)]
        self._server = grpc.aio.server(options=limits)
        around, ledger = Surroundings(service), LedgerService(service)
        for name in SCOPES:
            wrap = around.stream if inspect.isasyncgenfunction(getattr(ledger, name)) else around.unary
            setattr(ledger, name, wrap(name, getattr(ledger, name)))
        add: Any = ledger_pb2_grpc.add_LedgerServiceServicer_to_server
        add(ledger, self._server)
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (NAME, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        host = f"[{service.settings.host}]" if ":" in service.settings.host else service.settings.host
        self._server.add_insecure_port(f"{host}:{service.settings.grpc_port}")

    async def start(self) -> None:
        """Listen."""
        await self._server.start()
        await self.set_health(serving=True)

    async def set_health(self, *, serving: bool) -> None:
        """Tell the health service's callers."""
        status = health_pb2.HealthCheckResponse
        for name in ("", NAME):
            await self._health.set(name, status.SERVING if serving else status.NOT_SERVING)

    async def stop(self, grace_seconds: float) -> None:
        """Take no new calls; those under way may finish within *grace_seconds*."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_seconds)
