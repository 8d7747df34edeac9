"""What the clients of benchmarks.bench_ledger send: posts over REST, over gRPC and by SQL, and next to nothing."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from grpc_health.v1 import health_pb2
from psycopg.types.json import Jsonb

from services.ledger_api.posting import POST_ONE
from services.ledger_api.proto import ledger_pb2 as pb

if TYPE_CHECKING:
    import threading
    from collections.abc import Awaitable, Callable

    import aiohttp
    import psycopg

    from benchmarks.http2_client import Http2Client

    Call = Callable[[int, int], Awaitable[None]]

CLIENTS, SPREAD = 16, 1000
HEAD = (
    "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nIdempotency-Key: {key}\r\n"
    "Content-Length: {size}\r\n\r\n"
)


def entries(client: int, number: int, *, hot: bool) -> list[dict[str, str]]:
    """Return two lines: to account 1200 where they are hot, else among 1,000 accounts."""
    debit = {"owner": "house", "code": "1200"} if hot else account(client * 7919 + number * 31)
    sides = ((debit, "debit"), (account(client * 104_729 + number * 37 + 1), "credit"))
    return [{**place, "side": side, "amount": "1.00", "currency": "EUR"} for place, side in sides]


def account(number: int) -> dict[str, str]:
    """Return one of 1,000 accounts."""
    return {"owner": f"C-{number % SPREAD}", "code": "201"}


class Rest:
    """Sixteen kept connections; no client library, whose time would be measured beside the server's."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: dict[int, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}

    async def send(self, client: int, request: str) -> None:
        """Send one request and read its whole answer."""
        if client not in self._streams:
            self._streams[client] = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams[client]
        writer.write(request.encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
            raise RuntimeError(head.decode())
        size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(size)

    async def empty(self, client: int, _: int) -> None:
        """Ask for nothing."""
        await self.send(client, "GET /empty HTTP/1.1\r\nHost: x\r\n\r\n")

    def post(self, name: str, *, hot: bool) -> Call:
        """Return a call that posts."""

        async def call(client: int, number: int) -> None:
            body = json.dumps({"business_date": "2026-01-01", "entries": entries(client, number, hot=hot)})
            key = f"{name}-{client}-{number}"
            await self.send(client, HEAD.format(path="/v1/transactions", key=key, size=len(body)) + body)

        return call


def over_grpc(send: Callable[[pb.TransactionRequest], Awaitable[Any]], name: str) -> Call:
    """Return a call that posts over gRPC."""

    async def call(client: int, number: int) -> None:
        lines = [
            pb.Line(account=f"{e['owner']}/{e['code']}", side=e["side"], amount=e["amount"], currency=e["currency"])
            for e in entries(client, number, hot=False)
        ]
        key = f"{name}-{client}-{number}"
        await send(pb.TransactionRequest(idempotency_key=key, business_date="2026-01-01", entries=lines))

    return call


def by_hand(client: Http2Client) -> Callable[[pb.TransactionRequest], Awaitable[Any]]:
    """Return what sends a request without gRPC's own client."""

    async def send(request: pb.TransactionRequest) -> None:
        pb.PostedTransaction.FromString(await client.call(request.SerializeToString()))

    return send


def empty_grpc(client: Http2Client) -> Call:
    """Return a call of the health service, which does next to nothing: what gRPC itself costs."""
    message = health_pb2.HealthCheckRequest().SerializeToString()

    async def call(_: int, __: int) -> None:
        await client.call(message)

    return call


def over_aiohttp(api: aiohttp.ClientSession, name: str) -> Call:
    """Return a call that posts over REST by a usual client, the fastest of them."""

    async def call(client: int, number: int) -> None:
        body = {"business_date": "2026-01-01", "entries": entries(client, number, hot=False)}
        headers = {"Idempotency-Key": f"{name}-{client}-{number}"}
        async with api.post("/v1/transactions", json=body, headers=headers) as answer:
            answer.raise_for_status()
            await answer.json()

    return call


def bare(sessions: list[psycopg.AsyncConnection[Any]], turn: int) -> Call:
    """Return a call that posts by SQL, without a service."""

    async def call(client: int, number: int) -> None:
        values = {
            "idempotency_key": f"bare-{turn}-{client}-{number}", "kind": "manual", "business_date": "2026-01-01",
            "description": "", "reverses": None, "metadata": Jsonb({}),
            "entries": Jsonb(entries(client, number, hot=False)),
        }  # fmt: skip
        await sessions[client].execute(POST_ONE, values)

    return call


def hot_posts(rest: int) -> Callable[[threading.Event], None]:
    """Return what posts to account 1200 by sixteen clients until it is told to end."""

    async def all_clients(end: threading.Event) -> None:
        call = Rest(rest).post("while", hot=True)

        async def client(name: int) -> None:
            number = 0
            while not end.is_set():
                await call(name, number)
                number += 1

        await asyncio.gather(*(client(name) for name in range(CLIENTS)))

    return lambda end: asyncio.run(all_clients(end))
