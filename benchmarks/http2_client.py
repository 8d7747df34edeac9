"""A client of gRPC that speaks HTTP/2 by hand, as lean as the benchmark's client of REST; see benchmarks.bench_ledger.

It knows what the benchmark needs: unary calls of one method, small messages, a server that answers in order.
"""

from __future__ import annotations

import asyncio
from typing import Any, Self

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, WINDOW = 0, 1, 3, 4, 6, 8
END_STREAM = ACK = 1
END_HEADERS = 4
FRAME_HEAD = 9
GRPC_HEAD = 5
# No table of headers, so that a status is readable as it is; windows that never fill.
NO_TABLE, WIDE = b"\x00\x01\x00\x00\x00\x00", b"\x00\x04\x40\x00\x00\x00"
OK = b"grpc-status\x010"


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return a frame of HTTP/2."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def literal(name: bytes, value: bytes) -> bytes:
    """Return a header that is not kept in a table."""
    return b"\x00" + bytes((len(name),)) + name + bytes((len(value),)) + value


class Http2Client(asyncio.Protocol):
    """One connection, on which any number of calls are under way."""

    def __init__(self, path: str) -> None:
        self._calls: dict[int, tuple[asyncio.Future[bytes], list[bytes]]] = {}
        self._stream, self._rest = 1, b""
        self._transport: Any = None
        # ":method: POST" and ":scheme: http" are in the standard's table.
        self._headers = b"\x83\x86" + b"".join(
            literal(name, value)
            for name, value in (
                (b":path", path.encode()), (b":authority", b"x"), (b"te", b"trailers"),
                (b"content-type", b"application/grpc"),
            )
        )  # fmt: skip

    @classmethod
    async def connect(cls, port: int, path: str) -> Self:
        """Return a client of the method *path* on 127.0.0.1."""
        _, client = await asyncio.get_running_loop().create_connection(lambda: cls(path), "127.0.0.1", port)
        return client

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self._transport = transport
        room = (1 << 30).to_bytes(4, "big")
        transport.write(PREFACE + frame(SETTINGS, 0, 0, NO_TABLE + WIDE) + frame(WINDOW, 0, 0, room))

    def call(self, message: bytes) -> asyncio.Future[bytes]:
        """Send *message*; the future gets the answer's, or the error of a status that is not OK."""
        stream, self._stream = self._stream, self._stream + 2
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._calls[stream] = future, []
        body = b"\x00" + len(message).to_bytes(4, "big") + message
        self._transport.write(
            frame(HEADERS, END_HEADERS, stream, self._headers) + frame(DATA, END_STREAM, stream, body)
        )
        return future

    def data_received(self, data: bytes) -> None:
        """Take the frames that have come whole."""
        data, at = self._rest + data, 0
        while len(data) - at >= FRAME_HEAD:
            size = int.from_bytes(data[at : at + 3], "big")
            begin, end = at + FRAME_HEAD, at + FRAME_HEAD + size
            if len(data) < end:
                break
            stream = int.from_bytes(data[at + 5 : begin], "big")
            self._take(data[at + 3], data[at + 4], stream, data[begin:end])
            at = end
        self._rest = data[at:]

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == DATA:
            self._calls[stream][1].append(payload)
        elif (kind == HEADERS and flags & END_STREAM) or kind == RESET:
            future, pieces = self._calls.pop(stream)
            if OK in payload and pieces:
                future.set_result(b"".join(pieces)[GRPC_HEAD:])
            else:
                future.set_exception(RuntimeError(repr(payload)))
        elif kind in {SETTINGS, PING} and not flags & ACK:
            self._transport.write(frame(kind, ACK, 0, payload if kind == PING else b""))

    def close(self) -> None:
        """End the connection."""
        self._transport.close()
