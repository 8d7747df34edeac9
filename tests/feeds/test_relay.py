"""The outbox to its topic: every row once, whatever the relay before this one has left."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from billing_aggregator.feeds.kafka import outbox, relay
from billing_aggregator.feeds.kafka.errors import BrokerError, FencedError
from billing_aggregator.feeds.kafka.read_back import ids_in_topic
from tests.feeds.surroundings import EVENTS
from tests.feeds.test_events import PLACED
from tests.feeds.test_intake import order
from tests.feeds.worker import ArmedProducer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.broker.server import Broker
    from tests.feeds.surroundings import Shop

ROWS = """
insert into billing.outbox (aggregate, aggregate_id, event_type, payload_json)
select 'invoice', (g %% 7)::text, 'invoice_created', jsonb_build_object('total', '1.10', 'currency', 'EUR')
from generate_series(1, %s) as g
"""
UNSENT = "select count(*) from billing.outbox where published_at is null"


def fill(shop: Shop, rows: int) -> None:
    with psycopg.connect(shop.dsn) as connection:
        connection.execute(ROWS, [rows])


def new_relay(shop: Shop, commit: Callable[[Any], None] = lambda connection: connection.commit()) -> relay.Relay:
    return relay.Relay(shop.brokers, EVENTS, transactional_id="t", source="webshop/local", commit=commit)


def ids(shop: Shop) -> list[int]:
    return sorted(int(message["headers"]["outbox_id"]) for message in shop.published())


def test_rows_are_sent_once_in_order_with_their_headers(shop: Shop) -> None:
    fill(shop, 50)
    with closing(shop.connect()) as connection:
        sent = new_relay(shop).send(connection, 20)
        assert (sent.rows, {name: str(amount) for name, amount in sent.amounts.items()}) == (50, {"EUR": "55.00"})
        assert new_relay(shop).send(connection, 20).rows == 0
    messages = shop.published()
    assert ids(shop) == list(range(1, 51))
    for key in map(str, range(7)):
        own = [message for message in messages if message["key"] == key]
        assert len({message["partition"] for message in own}) == 1
        order = [int(message["headers"]["outbox_id"]) for message in own]
        assert order == sorted(order)
    assert {message["headers"]["event_type"] for message in messages} == {"invoice_created"}


@pytest.mark.parametrize("batch", [7, 1_000])
def test_what_the_topic_has_and_the_outbox_does_not_know_is_not_sent_again(shop: Shop, batch: int) -> None:
    fill(shop, 40)

    def die(_connection: Any) -> None:
        raise KeyboardInterrupt

    with closing(shop.connect()) as connection:
        first = new_relay(shop)
        # The producer begins with an empty topic; from then on each commit of the database fails.
        first._begin(connection, 1)
        first._commit = die
        with pytest.raises(KeyboardInterrupt):
            first.send(connection, batch)
        connection.rollback()
        assert shop.rows(UNSENT) == [(40,)]
        assert ids(shop) == list(range(1, min(batch, 40) + 1))
        assert new_relay(shop).send(connection, batch).rows == 40
    assert ids(shop) == list(range(1, 41))
    assert shop.rows(UNSENT) == [(0,)]


def test_a_relay_that_was_fenced_sends_nothing_any_more(shop: Shop) -> None:
    fill(shop, 10)
    with closing(shop.connect()) as connection, closing(shop.connect()) as other:
        zombie = new_relay(shop)
        zombie._begin(connection, 1)

        def take_over() -> None:
            # The zombie has produced and hangs before its commit; another run takes over and sends everything.
            assert new_relay(shop).send(other, 100).rows == 10

        zombie._producer = ArmedProducer(zombie._producer, take_over, lambda: None)
        with pytest.raises(FencedError):
            zombie.send(connection, 5)
    assert ids(shop) == list(range(1, 11))


def test_nothing_of_a_transaction_that_failed_is_visible(shop: Shop, broker: Broker) -> None:
    fill(shop, 10)
    with closing(shop.connect()) as connection:
        half = new_relay(shop)
        half._begin(connection, 1)
        half._producer.begin_transaction()
        for row in outbox.unpublished(connection, "webshop/local", 5):
            half._produce(row)
        half._producer.flush(10)
        assert ids(shop) == []
        half.close()
        assert broker.state.topics[EVENTS][0].open == {}
        assert ids(shop) == []
        assert new_relay(shop).send(connection, 100).rows == 10
    assert ids(shop) == list(range(1, 11))


@pytest.mark.parametrize("rows", [1, 999, 1_000, 1_001, 5_000])
def test_the_topic_is_read_back_as_far_as_needed(shop: Shop, rows: int) -> None:
    fill(shop, rows)
    with closing(shop.connect()) as connection:
        new_relay(shop).send(connection, 400)
    assert ids_in_topic(shop.brokers, EVENTS, "g", 1) == set(range(1, rows + 1))
    assert ids_in_topic(shop.brokers, EVENTS, "g", rows) == {rows}
    assert ids_in_topic(shop.brokers, EVENTS, "g", rows + 1) == set()
    assert ids_in_topic(shop.brokers, "another.topic", "g", 1) == set()


def test_other_senders_messages_are_no_rows(shop: Shop) -> None:
    shop.produce([(0, b"{}"), (1, b"x")], topic=EVENTS)
    fill(shop, 3)
    with closing(shop.connect()) as connection:
        assert new_relay(shop).send(connection, 10).rows == 3


def test_the_longest_message_that_is_taken_can_be_sent_on(shop: Shop) -> None:
    """A broker takes about a megabyte, and what is told of an event is longer than the event."""
    long = {"event_id": "e2", "event_type": "order_cancelled", "order_id": "A-1", "timestamp": PLACED["timestamp"]}
    shop.produce([(0, order(1)), (0, json.dumps(long | {"reason": "\u0001" * 170_000}).encode())])
    assert shop.drain()["sent"] == 2
    values = [json.loads(message["value"]) for message in shop.published()]
    assert [len(value.get("reason", "")) for value in values] == [0, 1000]


def test_a_broker_that_is_away_is_an_outage(shop: Shop, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "TRANSACTION_SECONDS", 2)
    fill(shop, 3)
    broker.refuse(refusing=True)
    with closing(shop.connect()) as connection:
        with pytest.raises(BrokerError):
            new_relay(shop).send(connection, 10)
        assert shop.rows(UNSENT) == [(3,)]
        broker.refuse(refusing=False)
        assert new_relay(shop).send(connection, 10).rows == 3
    assert ids(shop) == [1, 2, 3]
