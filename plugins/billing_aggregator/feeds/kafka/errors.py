"""Errors of a Kafka feed, and which of librdkafka's a retry may fix."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from billing_aggregator.errors.kinds import TerminalError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: All brokers gone for so long fail the run: until then librdkafka reconnects by itself.
OUTAGE_SECONDS = 60
#: By name: wrong credentials, missing rights, a wrong setting; everything else may be gone at the next try.
TERMINAL_CODES = frozenset(
    {"_AUTHENTICATION", "SASL_AUTHENTICATION_FAILED", "UNSUPPORTED_SASL_MECHANISM", "ILLEGAL_SASL_STATE", "_SSL",
     "TOPIC_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED",
     "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", "TOPIC_EXCEPTION", "INVALID_CONFIG", "_INVALID_ARG",
     "_UNSUPPORTED_FEATURE", "UNSUPPORTED_VERSION", "MSG_SIZE_TOO_LARGE"}
)  # fmt: skip


class BrokerError(TransientError):
    """The brokers do not answer, or refuse something for now."""


class BrokerRefusedError(TerminalError):
    """The brokers refuse it, and would do so again: credentials, rights, settings."""


class FencedError(TransientError):
    """Another relay of this feed has begun since: this one must not go on; the feed's next run does."""


class GapError(TerminalError):
    """The topic has lost messages that were never taken, or is not the topic that it was."""


class OffsetsMovedError(TransientError):
    """Somebody else has taken messages of this topic since: what was read here must not be written."""


class FeedLockLostError(TransientError):
    """Another run works on this feed: what was not committed is left to it."""


class Refusals:
    """What the brokers have refused: librdkafka tells its ``error_cb``, and the caller only of a broken connection."""

    def __init__(self) -> None:
        self._last: Any = None
        self._at = 0.0

    def __call__(self, error: Any) -> None:
        """Remember *error* where a retry would not fix it."""
        if error.name() in TERMINAL_CODES:
            self._last, self._at = error, time.monotonic()

    def check(self) -> None:
        """Raise :class:`BrokerRefusedError` if something was refused of late: each new connection is refused again."""
        if self._last is not None and time.monotonic() - self._at <= OUTAGE_SECONDS:
            raise kafka_error(self._last, "Kafka's brokers refuse this connection")


@contextmanager
def broker_errors(doing: str) -> Iterator[None]:
    """Turn librdkafka's errors into ours; *doing* says what was tried."""
    import confluent_kafka

    try:
        yield
    except confluent_kafka.KafkaException as error:
        raise kafka_error(error.args[0] if error.args else error, doing) from error


def list_topics(consumer: Any, refusals: Refusals, seconds: float, *topic: str) -> dict[str, Any]:
    """Return what the brokers tell of *topic*, of all topics without it: name -> metadata.

    :param consumer: whose ``error_cb`` tells *refusals*.
    :raises BrokerRefusedError: the brokers refuse credentials or settings; librdkafka itself says that none answers.
    :raises BrokerError: none answers within *seconds*.
    """
    try:
        with broker_errors("Kafka's metadata"):
            return dict(consumer.list_topics(*topic, timeout=seconds).topics)
    except BrokerError:
        # Callbacks are called here only.
        consumer.poll(0)
        refusals.check()
        raise


def kafka_error(error: Any, doing: str) -> TransientError | TerminalError:
    """Return the error to raise for a ``KafkaError``."""
    name = error.name() if hasattr(error, "name") else type(error).__name__
    text = f"{doing}: {error.str() if hasattr(error, 'str') else error} ({name})"
    if name in {"_FENCED", "INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED"}:
        return FencedError(text)
    return BrokerRefusedError(text) if name in TERMINAL_CODES else BrokerError(text)
