"""The broker's sockets: a thread for each connection."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import Self

from tests.broker.handlers import VERSIONS, Handlers
from tests.broker.state import State
from tests.broker.wire import Reader

API_VERSIONS = 18
UNSUPPORTED_VERSION = 35


class Broker:
    """A Kafka broker on a port of 127.0.0.1, or of another address; it tells clients the one that they connected to.

    :param partitions: of every topic; topics are made by their first use.
    :param state: of a broker that this one is another port of.
    """

    def __init__(self, partitions: int = 4, port: int = 0, host: str = "127.0.0.1", state: State | None = None) -> None:
        self.state = state or State(partitions)
        self._listener = socket.create_server((host, port))
        self.servers = f"{host}:{self._listener.getsockname()[1]}"
        self._connections: set[socket.socket] = set()
        self._refusing = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # A blocked accept keeps a closed listener alive: shutdown wakes it.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Close every connection; clients may come back."""
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def refuse(self, *, refusing: bool) -> None:
        """Be down: close every connection at once, until told otherwise."""
        self._refusing = refusing
        if refusing:
            self.cut()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self._refusing:
                connection.close()
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.add(connection)
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        handlers = Handlers(self.state, connection.getsockname()[:2])
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as requests:
            while True:
                head = requests.read(4)
                if len(head) < 4:
                    break
                data = requests.read(struct.unpack(">i", head)[0])
                request = Reader(data)
                key, version, correlation = request.int16(), request.int16(), request.int32()
                request.text()
                low, high = VERSIONS.get(key, (1, 0))
                if low <= version <= high:
                    body = handlers.answer(key, request)
                elif key == API_VERSIONS:
                    body = struct.pack(">hi", UNSUPPORTED_VERSION, 0)
                else:
                    break
                connection.sendall(struct.pack(">ii", 4 + len(body), correlation) + body)
        self._connections.discard(connection)
