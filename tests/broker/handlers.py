"""Answers to each kind of request that librdkafka sends without consumer groups."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.broker.log import HEADER
from tests.broker.state import FENCED, NONE, OUT_OF_RANGE, UNKNOWN_TOPIC, State
from tests.broker.wire import Reader, Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.broker.log import Log

#: Key of the request -> lowest and highest version that is understood.
VERSIONS = {
    0: (3, 3), 1: (4, 4), 2: (1, 1), 3: (1, 1), 8: (2, 2), 9: (1, 1), 10: (1, 1), 18: (0, 0), 22: (0, 0), 24: (0, 0),
    26: (0, 0),
}  # fmt: skip
READ_COMMITTED = 1


class Handlers:
    """One broker's answers.

    :param address: host and port that clients are told.
    """

    def __init__(self, state: State, address: tuple[str, int]) -> None:
        self._state = state
        self._address = address
        self._by_key: dict[int, Callable[[Reader], bytes]] = {
            0: self.produce, 1: self.fetch, 2: self.list_offsets, 3: self.metadata, 8: self.offset_commit,
            9: self.offset_fetch, 10: self.find_coordinator, 18: self.api_versions, 22: self.init_producer_id,
            24: self.add_partitions, 26: self.end_txn,
        }  # fmt: skip

    def answer(self, key: int, request: Reader) -> bytes:
        """Return the answer's body; raises KeyError for a request that is not known."""
        return self._by_key[key](request)

    def api_versions(self, _request: Reader) -> bytes:
        answer = Writer().int16(NONE)
        answer.array(VERSIONS.items(), lambda item: answer.int16(item[0]).int16(item[1][0]).int16(item[1][1]))
        return answer.done()

    def metadata(self, request: Reader) -> bytes:
        wanted = [request.text() or "" for _ in range(request.int32())]
        with self._state.changed:
            # Only a writer makes a topic, and tests do; a reader that is early finds none.
            found = {name: self._state.topic(name, make=True) for name in wanted} if wanted else self._state.topics
            answer = Writer().int32(1).int32(1).text(self._address[0]).int32(self._address[1]).text(None).int32(1)

            def partition(item: int) -> None:
                answer.int16(NONE).int32(item).int32(1).array([1], answer.int32).array([1], answer.int32)

            def topic(item: tuple[str, list[Log] | None]) -> None:
                answer.int16(NONE if item[1] else UNKNOWN_TOPIC).text(item[0]).int8(0)
                answer.array(range(len(item[1] or ())), partition)

            answer.array(found.items(), topic)
        return answer.done()

    def produce(self, request: Reader) -> bytes:
        request.text()
        request.int16()
        request.int32()
        answer = Writer()
        topics = request.int32()
        answer.int32(topics)
        with self._state.changed:
            for _ in range(topics):
                name = request.text() or ""
                logs = self._state.topic(name, make=True) or []
                partitions = request.int32()
                answer.text(name).int32(partitions)
                for _ in range(partitions):
                    number, data = request.int32(), request.data()
                    fields = HEADER.unpack_from(data)
                    if fields[9] >= 0 and not self._state.may_write(fields[9], fields[10]):
                        answer.int32(number).int16(FENCED).int64(-1).int64(-1)
                    else:
                        answer.int32(number).int16(NONE).int64(logs[number].append(data)).int64(-1)
            self._state.changed.notify_all()
        return answer.int32(0).done()

    def fetch(self, request: Reader) -> bytes:
        request.int32()
        wait, least, most = request.int32(), request.int32(), request.int32()
        committed = request.int8() == READ_COMMITTED
        wanted = []
        for _ in range(request.int32()):
            name = request.text() or ""
            wanted += [(name, request.int32(), request.int64(), request.int32()) for _ in range(request.int32())]
        until = time.monotonic() + wait / 1000
        with self._state.changed:
            while True:
                found = [self._read(name, number, offset, limit, committed) for name, number, offset, limit in wanted]
                size = sum(len(chunk) for _, _, _, _, chunks, _ in found for chunk in chunks)
                left = until - time.monotonic()
                if size >= max(1, least) or left <= 0 or any(error for _, error, _, _, _, _ in found):
                    break
                self._state.changed.wait(left)
        answer = Writer().int32(0).int32(len(wanted))
        for (name, *_), (number, error, end, stable, chunks, aborted) in zip(wanted, found, strict=True):
            kept = chunks if most > 0 else chunks[:1]
            most -= sum(map(len, kept))
            answer.text(name).int32(1).int32(number).int16(error).int64(end).int64(stable)
            answer.array(aborted, lambda pair: answer.int64(pair[0]).int64(pair[1]))
            answer.data(*kept)
        return answer.done()

    def _read(
        self, name: str, number: int, offset: int, limit: int, committed: bool
    ) -> tuple[int, int, int, int, list[bytes], list[tuple[int, int]]]:
        log = self._state.log(name, number)
        if log is None:
            return number, UNKNOWN_TOPIC, -1, -1, [], []
        if not log.start <= offset <= log.end:
            return number, OUT_OF_RANGE, log.end, log.stable, [], []
        chunks, aborted = log.read(offset, limit, committed=committed)
        return number, NONE, log.end, log.stable, chunks, aborted

    def list_offsets(self, request: Reader) -> bytes:
        request.int32()
        answer = Writer()
        topics = request.int32()
        answer.int32(topics)
        with self._state.changed:
            for _ in range(topics):
                name = request.text() or ""
                partitions = request.int32()
                answer.text(name).int32(partitions)
                for _ in range(partitions):
                    number, when = request.int32(), request.int64()
                    log = self._state.log(name, number)
                    if log is None:
                        answer.int32(number).int16(UNKNOWN_TOPIC).int64(-1).int64(-1)
                    else:
                        answer.int32(number).int16(NONE).int64(-1).int64(log.start if when == -2 else log.end)
        return answer.done()

    def find_coordinator(self, request: Reader) -> bytes:
        request.text()
        return Writer().int32(0).int16(NONE).text(None).int32(1).text(self._address[0]).int32(self._address[1]).done()

    def init_producer_id(self, request: Reader) -> bytes:
        name = request.text()
        with self._state.changed:
            producer, epoch = self._state.init_producer(name)
        return Writer().int32(0).int16(NONE).int64(producer).int16(epoch).done()

    def add_partitions(self, request: Reader) -> bytes:
        name, producer, epoch = request.text(), request.int64(), request.int16()
        answer = Writer().int32(0)
        topics = request.int32()
        answer.int32(topics)
        with self._state.changed:
            known, error = self._state.transaction(name, producer, epoch)
            for _ in range(topics):
                topic = request.text() or ""
                numbers = [request.int32() for _ in range(request.int32())]
                if known is not None:
                    known.partitions |= {(topic, number) for number in numbers}
                answer.text(topic).array(numbers, lambda number: answer.int32(number).int16(error))
        return answer.done()

    def end_txn(self, request: Reader) -> bytes:
        name, producer, epoch, commit = request.text(), request.int64(), request.int16(), bool(request.int8())
        with self._state.changed:
            known, error = self._state.transaction(name, producer, epoch)
            if known is not None:
                self._state.end(known, commit=commit)
        return Writer().int32(0).int16(error).done()

    def offset_commit(self, request: Reader) -> bytes:
        group = request.text() or ""
        request.int32()
        request.text()
        request.int64()
        answer = Writer()
        topics = request.int32()
        answer.int32(topics)
        for _ in range(topics):
            name = request.text() or ""
            partitions = request.int32()
            answer.text(name).int32(partitions)
            for _ in range(partitions):
                number, offset = request.int32(), request.int64()
                request.text()
                self._state.offsets[group, name, number] = offset
                answer.int32(number).int16(NONE)
        return answer.done()

    def offset_fetch(self, request: Reader) -> bytes:
        group = request.text() or ""
        answer = Writer()
        topics = request.int32()
        answer.int32(topics)
        for _ in range(topics):
            name = request.text() or ""
            numbers = [request.int32() for _ in range(request.int32())]
            answer.text(name).int32(len(numbers))
            for number in numbers:
                answer.int32(number).int64(self._state.offsets.get((group, name, number), -1)).text("").int16(NONE)
        return answer.done()
