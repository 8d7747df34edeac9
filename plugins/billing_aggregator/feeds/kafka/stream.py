"""The loop of a Kafka feed: take in, post, relay, batch by batch.

Between two batches nothing is open: it ends there when its time is over, when it is told to stop, or when the topic is
drained. Whatever dies in a batch, the next run goes on from what the database and the topic hold.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from billing_aggregator.feeds.kafka.intake import Taken, next_offsets
from billing_aggregator.feeds.kafka.outbox import Sent, outbox_age

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from billing_aggregator.feeds.feed_lock import FeedLock
    from billing_aggregator.feeds.kafka.intake import Intake
    from billing_aggregator.feeds.kafka.posting import Posting
    from billing_aggregator.feeds.kafka.relay import Relay
    from billing_aggregator.feeds.kafka.topic import Topic
    from billing_aggregator.postgres.protocols import Connection

log = structlog.get_logger(__name__)

#: An idle feed looks up so often, in seconds: whether it is to stop, and nothing else.
WAIT_SECONDS = 1.0
#: What waits for something else than an event (a rate, an order) is posted by then; figures are told as often.
CHORES_SECONDS = 60.0


@dataclass(frozen=True)
class Limits:
    """When a stream ends and how large a batch is.

    :param batch: most messages of a batch, and most outbox rows of a transaction.
    :param collect: seconds that a batch waits for more messages behind its first one.
    :param seconds: the stream ends behind the batch in which they are over.
    :param drain: end when the topic has no more, too.
    """

    batch: int
    collect: float
    seconds: float
    drain: bool


@dataclass
class Outcome:
    """What a stream did.

    :param lag_messages: messages left in the topic, as last asked.
    :param lag_seconds: how long the oldest message of the last batch had waited.
    :param outbox_seconds: how long the oldest unsent row waits, as last asked.
    """

    taken: Taken = field(default_factory=Taken)
    sent: Sent = field(default_factory=Sent)
    batches: int = 0
    lost: int = 0
    lag_messages: int = 0
    lag_seconds: float = 0.0
    outbox_seconds: float = 0.0
    ended: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain figures, for the XCom."""
        return {
            "events": self.taken.events,
            "repeated": self.taken.repeated,
            "rejected": self.taken.rejected,
            "tombstones": self.taken.tombstones,
            "reasons": dict(sorted(self.taken.reasons.items())),
            "sent": self.sent.rows,
            "amounts": {currency: str(amount) for currency, amount in sorted(self.sent.amounts.items())},
            "batches": self.batches,
            "lost": self.lost,
            "lag_messages": self.lag_messages,
            "lag_seconds": round(self.lag_seconds, 3),
            "outbox_seconds": round(self.outbox_seconds, 3),
            "ended": self.ended,
        }


@dataclass
class Stream:
    """The parts of a feed, and what they do in turn.

    :param settings: what the posting scripts read as ``bda.<name>``.
    :param stop: whether somebody has asked the stream to end.
    :param tell: is given the figures once a minute and at the end.
    """

    connection: Connection
    lock: FeedLock
    topic: Topic
    intake: Intake
    posting: Posting
    relay: Relay
    settings: Mapping[str, str]
    limits: Limits
    stop: Callable[[], bool] = lambda: False
    tell: Callable[[Outcome], None] = lambda _outcome: None

    def run(self, *, accept_gap: bool = False) -> Outcome:
        """Work until the time is over, the topic is drained or :attr:`stop` says so; return what was done.

        :param accept_gap: go on although messages were deleted before they were taken.
        :raises GapError: they were, and nobody accepts it.
        """
        outcome = Outcome()
        end = time.monotonic() + self.limits.seconds
        outcome.lost = self.topic.begin(next_offsets(self.connection, self.topic.name), accept_gap=accept_gap)
        if outcome.lost:
            log.warning("messages lost before they were taken", messages=outcome.lost, topic=self.topic.name)
        # What an earlier run has taken and not posted, or posted and not sent.
        self._post_and_send(outcome)
        chores = time.monotonic()
        while not outcome.ended:
            took = self._take(outcome)
            due = time.monotonic() - chores >= CHORES_SECONDS
            if took or due:
                self._post_and_send(outcome)
            self.lock.prolong(self.connection)
            if due:
                self.topic.look_for_partitions(lambda: next_offsets(self.connection, self.topic.name))
                self._chores(outcome)
                chores = time.monotonic()
            outcome.ended = self._end(end, drained=not took and self.topic.drained)
        self._chores(outcome)
        return outcome

    def _end(self, end: float, *, drained: bool) -> str:
        """Return why the stream ends; empty: it goes on."""
        if self.stop():
            return "told to stop"
        if drained and self.limits.drain:
            return "drained"
        return "its time is over" if time.monotonic() >= end else ""

    def _take(self, outcome: Outcome) -> int:
        """Take one batch in; return how many events it has brought."""
        limits = self.limits
        messages = self.topic.take(limits.batch, WAIT_SECONDS, limits.collect, drain=limits.drain)
        moves = self.topic.moves()
        if not moves:
            return 0
        taken = self.intake.write(self.connection, messages, moves)
        self.lock.commit(self.connection)
        self.topic.written(moves)
        if messages:
            outcome.batches += 1
            outcome.lag_seconds = max(0.0, time.time() - min(message.timestamp for message in messages))
        outcome.taken.add(taken)
        for reason, count in taken.reasons.items():
            log.warning("messages rejected", reason=reason, messages=count)
        log.debug("batch taken", events=taken.events, messages=taken.messages)
        return taken.events

    def _post_and_send(self, outcome: Outcome) -> None:
        self.posting.post(self.connection, self.settings)
        self.lock.commit(self.connection)
        outcome.sent.add(self.relay.send(self.connection, self.limits.batch, self.stop))

    def _chores(self, outcome: Outcome) -> None:
        outcome.lag_messages = self.topic.backlog()
        if not outcome.lag_messages:
            outcome.lag_seconds = 0.0
        outcome.outbox_seconds = outbox_age(self.connection)
        self.tell(outcome)
