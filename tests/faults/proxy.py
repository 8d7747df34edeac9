"""A proxy before a server that cuts its connections: after so many bytes of answers, or at once."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self


class CuttingProxy:
    """Listens on a port of its own and passes everything on.

    :param port: of the server on 127.0.0.1; may be changed, e.g. when another server takes over.
    """

    def __init__(self, port: int) -> None:
        self.behind = port
        self._left: int | None = None
        self._open: set[socket.socket] = set()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]

    def cut_after(self, size: int) -> None:
        """Cut all connections when so many more bytes have come from the server."""
        self._left = size

    def cut(self) -> None:
        """Cut all connections now."""
        self._left = None
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # A blocked accept keeps a closed listener alive: shutdown wakes it.
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()

    def _listen(self) -> None:
        while True:
            try:
                visitor, _ = self._server.accept()
                server = socket.create_connection(("127.0.0.1", self.behind))
            except OSError:
                if self._server.fileno() < 0:
                    return
                continue
            self._open |= {visitor, server}
            threading.Thread(target=self._pass, args=(visitor, server, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, visitor, True), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if answers and self._left is not None:
                    self._left -= len(data)
                    if self._left < 0:
                        self.cut()
                        return
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)
        self._open -= {source, target}
