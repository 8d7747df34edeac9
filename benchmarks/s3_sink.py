"""An S3 server that takes multipart uploads and throws them away, so that it is never the bottleneck.

A process of its own with plain sockets; the body of a part is discarded inside the kernel where the system can do that.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Self

BLOCK = 1 << 20
DISCARD = socket.MSG_TRUNC if sys.platform == "linux" else 0
CREATED = (
    "<?xml version='1.0'?><InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
)
CHECKSUM = re.compile(rb"x-amz-checksum-crc32: *(\S+)", re.IGNORECASE)
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Sink:
    """The sink in a process of its own, as a context manager; :attr:`url` is its address."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.s3_sink"], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{self._process.stdout.readline().strip()}"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


def serve() -> None:
    """Answer until killed; the port is the first line of output."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_converse, args=(connection,), daemon=True).start()


def _converse(connection: socket.socket) -> None:
    buffer = bytearray(BLOCK)
    pending = b""
    with suppress(OSError), connection:
        while True:
            while b"\r\n\r\n" not in pending:
                data = connection.recv(65536)
                if not data:
                    return
                pending += data
            head, _, pending = pending.partition(b"\r\n\r\n")
            pending = _take_body(connection, head, pending, buffer)
            connection.sendall(_answer(head))


def _take_body(connection: socket.socket, head: bytes, pending: bytes, buffer: bytearray) -> bytes:
    found = LENGTH.search(head)
    left = int(found[1]) if found else 0
    if b"100-continue" in head.lower():
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    taken = min(left, len(pending))
    left, pending = left - taken, pending[taken:]
    while left:
        got = connection.recv_into(buffer, min(left, BLOCK), DISCARD)
        if not got:
            raise ConnectionError("the client went away")
        left -= got
    return pending


def _answer(head: bytes) -> bytes:
    target = head.split(b" ", 2)[1]
    body, status, extra = b"", "200 OK", 'ETag: "0"\r\n'
    if head.startswith(b"POST") and b"uploads" in target:
        body = CREATED.format(upload=f"u{abs(hash(target))}").encode()
    elif head.startswith((b"GET", b"HEAD")):
        status, body = "404 Not Found", b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>"
    checksum = CHECKSUM.search(head)
    if checksum:
        extra += f"x-amz-checksum-crc32: {checksum[1].decode()}\r\n"
    length = len(body)
    return f"HTTP/1.1 {status}\r\n{extra}Content-Length: {length}\r\n\r\n".encode() + (
        b"" if head.startswith(b"HEAD") else body
    )


if __name__ == "__main__":
    serve()
