"""A pooler in front of Postgres with just enough of the protocol to have the pitfalls of real ones."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

Mode = Literal["refuses options", "drops options", "pools transactions", "alternates"]
SSL_REQUEST = 80877103
CANCEL_REQUEST = 80877102


class Pooler:
    """Listens on a port of its own.

    ``refuses options``: as PgBouncer does; ``drops options``: as PgBouncer with ``ignore_startup_parameters`` does;
    ``pools transactions``: there is one session of the server for all clients, each transaction borrows it;
    ``alternates``: each transaction of a client runs in the other one of two sessions of the server.

    :param says: the message that every start is refused with, instead of *mode*.
    """

    def __init__(self, port: int, mode: Mode = "drops options", says: str = "") -> None:
        self._behind = ("127.0.0.1", port)
        self._mode = mode
        self._says = says
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.starts: list[dict[str, str]] = []
        self._shared: tuple[socket.socket, bytes] | None = None
        self._borrowed = threading.Lock()

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()
        if self._shared:
            self._shared[0].close()

    def _listen(self) -> None:
        while True:
            try:
                visitor, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(visitor,), daemon=True).start()

    def _serve(self, visitor: socket.socket) -> None:
        with suppress(OSError, EOFError, struct.error), visitor:
            start = _read_start(visitor)
            if start is None:
                return
            self.starts.append(dict(start))
            if self._says or (self._mode == "refuses options" and "options" in start):
                visitor.sendall(_error(self._says or "unsupported startup parameter: options"))
                return
            start.pop("options", None)
            self._relay(visitor, start)

    def _relay(self, visitor: socket.socket, start: dict[str, str]) -> None:
        if self._mode == "pools transactions":
            if self._shared is None:
                self._shared = self._session(start)
            backend, greeting = self._shared
            # A pooler sends its own process number: the client is not bound to a session of the server.
            visitor.sendall(_with_other_key(greeting))
            while True:
                message = _read_message(visitor)
                with self._borrowed:
                    while _exchange(visitor, backend, message) != b"I":
                        message = _read_message(visitor)
        sessions = [self._session(start) for _ in range(2 if self._mode == "alternates" else 1)]
        visitor.sendall(sessions[0][1])
        while True:
            status = _exchange(visitor, sessions[0][0], _read_message(visitor))
            if status == b"I":
                sessions.reverse()

    def _session(self, start: Mapping[str, str]) -> tuple[socket.socket, bytes]:
        """Return a session of the server and its messages until it was ready."""
        backend = socket.create_connection(self._behind)
        pairs = b"".join(f"{name}\0{value}\0".encode() for name, value in start.items()) + b"\0"
        backend.sendall(struct.pack("!II", len(pairs) + 8, 196608) + pairs)
        said = b""
        while True:
            kind, body = _read_frame(backend)
            said += _frame(kind, body)
            if kind in b"ZE":
                return backend, said


def _exchange(visitor: socket.socket, backend: socket.socket, message: bytes) -> bytes:
    """Forward the pending messages and their answer; return the transaction's status."""
    backend.sendall(message)
    while True:
        kind, body = _read_frame(backend)
        visitor.sendall(_frame(kind, body))
        if kind == b"Z":
            return body


def _read_message(visitor: socket.socket) -> bytes:
    """Return a client's messages up to one that the server answers with ReadyForQuery."""
    batch = b""
    while True:
        kind, body = _read_frame(visitor)
        if kind == b"X":
            raise EOFError
        batch += _frame(kind, body)
        if kind in b"QS":
            return batch


def _read_start(visitor: socket.socket) -> dict[str, str] | None:
    while True:
        length, code = struct.unpack("!II", _exactly(visitor, 8))
        body = _exactly(visitor, length - 8)
        if code == CANCEL_REQUEST:
            return None
        if code != SSL_REQUEST and code >> 16 == 3:
            words = [word.decode() for word in body.split(b"\0")]
            return {name: value for name, value in zip(words[::2], words[1::2], strict=False) if name}
        visitor.sendall(b"N")


def _with_other_key(greeting: bytes) -> bytes:
    at = greeting.index(b"K\0\0\0")
    return greeting[: at + 5] + struct.pack("!I", 7) + greeting[at + 9 :]


def _error(message: str) -> bytes:
    return _frame(b"E", f"SFATAL\0VFATAL\0C08P01\0M{message}\0\0".encode())


def _frame(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def _read_frame(peer: socket.socket) -> tuple[bytes, bytes]:
    kind, length = struct.unpack("!cI", _exactly(peer, 5))
    return kind, _exactly(peer, length - 4)


def _exactly(peer: socket.socket, number: int) -> bytes:
    data = b""
    while len(data) < number:
        more = peer.recv(number - len(data))
        if not more:
            raise EOFError
        data += more
    return data
