"""What the broker knows: topics, producers, offsets of groups."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from tests.broker.log import Log

NONE, OUT_OF_RANGE, UNKNOWN_TOPIC, FENCED, INVALID_MAPPING = 0, 1, 3, 47, 49


@dataclass
class Transaction:
    """A transactional producer: its current epoch and the partitions of its open transaction."""

    producer: int
    epoch: int
    partitions: set[tuple[str, int]] = field(default_factory=set)


class State:
    """All of it, behind one lock; :attr:`changed` wakes readers that wait for messages."""

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions
        self.changed = threading.Condition()
        self.topics: dict[str, list[Log]] = {}
        self.transactions: dict[str, Transaction] = {}
        self.offsets: dict[tuple[str, str, int], int] = {}
        self.producers = 1000

    def topic(self, name: str, *, make: bool) -> list[Log] | None:
        """Return a topic's partitions; its first use makes it."""
        if name not in self.topics and make:
            self.topics[name] = [Log() for _ in range(self.partitions)]
        return self.topics.get(name)

    def log(self, name: str, partition: int) -> Log | None:
        """Return one partition, if there is one."""
        logs = self.topics.get(name) or []
        return logs[partition] if partition < len(logs) else None

    def init_producer(self, name: str | None) -> tuple[int, int]:
        """Return id and epoch of a producer; one of the same name is fenced and its transaction aborted."""
        self.producers += 1
        if name is None:
            return self.producers, 0
        known = self.transactions.get(name)
        if known is None:
            known = self.transactions[name] = Transaction(self.producers, -1)
        else:
            self.end(known, commit=False)
        known.epoch += 1
        return known.producer, known.epoch

    def transaction(self, name: str | None, producer: int, epoch: int) -> tuple[Transaction | None, int]:
        """Return the transaction of a producer that may go on, and the error for one that may not."""
        known = self.transactions.get(name or "")
        if known is None or known.producer != producer:
            return None, INVALID_MAPPING
        return (known, NONE) if known.epoch == epoch else (None, FENCED)

    def may_write(self, producer: int, epoch: int) -> bool:
        """Tell whether a batch comes from the newest producer of its name."""
        return all(known.epoch == epoch for known in self.transactions.values() if known.producer == producer)

    def end(self, transaction: Transaction, *, commit: bool) -> None:
        """Commit or abort what is open."""
        for topic, partition in sorted(transaction.partitions):
            log = self.log(topic, partition)
            if log is not None:
                log.end_transaction(transaction.producer, transaction.epoch, commit=commit)
        transaction.partitions.clear()
        self.changed.notify_all()
