"""Kafka's primitive types: reading requests, writing answers."""

from __future__ import annotations

import struct
from typing import Any


class Reader:
    """Reads a request from its first byte on."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def _number(self, form: str, size: int) -> int:
        value: int = struct.unpack_from(form, self._data, self._at)[0]
        self._at += size
        return value

    def int8(self) -> int:
        return self._number(">b", 1)

    def int16(self) -> int:
        return self._number(">h", 2)

    def int32(self) -> int:
        return self._number(">i", 4)

    def int64(self) -> int:
        return self._number(">q", 8)

    def text(self) -> str | None:
        return self._sized(self.int16())

    def _sized(self, length: int) -> str | None:
        if length < 0:
            return None
        self._at += length
        return self._data[self._at - length : self._at].decode()

    def data(self) -> bytes:
        length = self.int32()
        if length < 0:
            return b""
        self._at += length
        return self._data[self._at - length : self._at]


class Writer:
    """Collects an answer."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def int8(self, value: int) -> Writer:
        self._parts.append(struct.pack(">b", value))
        return self

    def int16(self, value: int) -> Writer:
        self._parts.append(struct.pack(">h", value))
        return self

    def int32(self, value: int) -> Writer:
        self._parts.append(struct.pack(">i", value))
        return self

    def int64(self, value: int) -> Writer:
        self._parts.append(struct.pack(">q", value))
        return self

    def text(self, value: str | None) -> Writer:
        if value is None:
            return self.int16(-1)
        data = value.encode()
        self.int16(len(data))
        self._parts.append(data)
        return self

    def data(self, *chunks: bytes) -> Writer:
        self.int32(sum(map(len, chunks)))
        self._parts.extend(chunks)
        return self

    def array(self, items: Any, write: Any) -> Writer:
        items = list(items)
        self.int32(len(items))
        for item in items:
            write(item)
        return self

    def done(self) -> bytes:
        return b"".join(self._parts)
