"""Messages into the database: each once, bad ones with a reason, by both drivers."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing_aggregator.feeds.kafka import events
from billing_aggregator.feeds.kafka.errors import FeedLockLostError, GapError, OffsetsMovedError
from billing_aggregator.runs import Run, lock
from tests.feeds.surroundings import TOPIC
from tests.feeds.test_events import PLACED

if TYPE_CHECKING:
    from billing_aggregator.local.postgres import EmbeddedPostgres
    from tests.broker.server import Broker
    from tests.feeds.surroundings import Shop

EVENTS = 'select partition, "offset", event_id from orders_vault.order_event order by 1, 2'
REJECTED = 'select partition, "offset", raw, reason from orders_vault.rejected_event order by 1, 2'
OFFSETS = "select partition, next_offset from orders_vault.consumed_offset order by 1"


def order(number: int, **changes: Any) -> bytes:
    own = {"event_id": f"e{number}", "order_id": f"A-{number}"}
    return json.dumps(PLACED | own | changes).encode()


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_each_message_is_kept_in_its_place(shop: Shop, driver: str) -> None:
    shop.driver = driver
    shop.produce([(0, order(1)), (1, b"no json \x00 at all"), (0, None), (1, order(2, note="ä\n\t\\ 😀 '%s"))])
    figures = shop.drain()
    assert {name: figures[name] for name in ("events", "rejected", "tombstones")} == {
        "events": 2, "rejected": 1, "tombstones": 1,
    }  # fmt: skip
    assert shop.rows(EVENTS) == [(0, 0, "e1"), (1, 1, "e2")]
    assert shop.rows(REJECTED) == [(1, 0, b"no json \x00 at all", "not a UTF-8 JSON object")]
    assert shop.rows(OFFSETS)[:2] == [(0, 2), (1, 2)]
    ((payload,),) = shop.rows("select payload from orders_vault.order_event where event_id = 'e2'")
    assert payload == json.loads(order(2, note="ä\n\t\\ 😀 '%s"))
    # Drained again, nothing is taken again.
    assert shop.drain()["events"] == 0
    assert len(shop.rows(EVENTS)) == 2


def test_a_price_is_kept_as_it_was_written(shop: Shop) -> None:
    shop.produce([(0, order(1).replace(b'"19.99"', b"19.990000"))])
    shop.drain()
    price = "select payload -> 'lines' -> 0 ->> 'unit_price' from orders_vault.order_event"
    assert shop.rows(price) == [("19.990000",)]


def test_an_event_that_comes_again_is_counted_and_another_payload_is_a_conflict(shop: Shop) -> None:
    other = json.dumps(json.loads(order(1)), indent=2).encode()
    shop.produce([(0, order(1)), (1, order(1)), (0, other), (2, order(1, currency="JPY")), (3, order(2))])
    figures = shop.drain()
    assert (figures["events"], figures["repeated"], figures["rejected"]) == (2, 2, 1)
    ((partition, offset, raw, why),) = shop.rows(REJECTED)
    assert (partition, offset, why) == (2, 0, "conflicting event")
    assert json.loads(raw)["currency"] == "JPY"
    shop.produce([(0, order(2)), (0, order(2, currency="JPY"))])
    figures = shop.drain()
    assert (figures["events"], figures["repeated"], figures["rejected"]) == (0, 1, 1)
    assert shop.rows("select count(*) from orders_vault.order_event") == [(2,)]


def test_hostile_messages_take_no_neighbour_with_them(shop: Shop) -> None:
    hostile = [
        b'{"a":' * 100_000,
        b"[" * 1_000_000,
        order(90).replace(b'"19.99"', b"1e999999999"),
        order(91).replace(b'"19.99"', b"9" * 200_000),
        order(92).replace(b'"qty"', b'"sku": "B", "qty"'),
        order(93, order_id="A\0"),
        order(94, order_id="\ud83d"),
        order(95, note="x" * (10 << 20)),
        b"\x00" * 1000,
        order(96, note=float("nan")),
    ]
    harmless = order(80, order_id="x'; drop table billing.invoices; --")
    shop.produce(
        [(at % 4, message) for at, raw in enumerate(hostile) for message in (order(at), raw)] + [(0, harmless)]
    )
    figures = shop.drain()
    assert (figures["events"], figures["rejected"]) == (len(hostile) + 1, len(hostile))
    kept = {bytes(raw) for _, _, raw, _ in shop.rows(REJECTED)}
    assert kept == set(hostile)
    orders = {name for (name,) in shop.rows("select order_id from billing.invoices")}
    assert orders == {f"A-{at}" for at in range(len(hostile))} | {"x'; drop table billing.invoices; --"}


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_what_only_the_database_refuses_takes_no_neighbour_with_it(
    shop: Shop, driver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "refuse_constants", lambda _text: None)
    shop.driver = driver
    bad = {number: order(number, note=float("nan")) for number in (0, 7, 8)}
    shop.produce([(0, bad.get(number) or order(number)) for number in range(13)] + [(0, order(1))])
    figures = shop.drain()
    assert (figures["events"], figures["repeated"], figures["rejected"]) == (10, 1, 3)
    assert figures["reasons"] == {"the database cannot hold it": 3}
    assert {bytes(raw) for _, _, raw, _ in shop.rows(REJECTED)} == set(bad.values())
    assert shop.rows("select count(*) from billing.invoices") == [(10,)]


ZONES = st.sampled_from(["", "Z"]) | st.builds("{}{:02}{}{:02}".format, st.sampled_from("+-"), st.integers(0, 23),
                                               st.sampled_from(["", ":"]), st.integers(0, 59))  # fmt: skip
TIMESTAMPS = st.builds(
    lambda moment, separator, zone: moment.isoformat(separator) + zone, st.datetimes(), st.sampled_from("T "), ZONES
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TIMESTAMPS, min_size=40, max_size=40))
def test_the_database_takes_each_timestamp_that_is_read(postgres: EmbeddedPostgres, texts: list[str]) -> None:
    read = [found for found in map(instant, texts) if found]
    assert read
    with psycopg.connect(postgres.dsn()) as connection:
        connection.execute("select listed::timestamptz from unnest(%s::text[]) as listed", [read])


def instant(text: str) -> str:
    """Return the instant of an event with this timestamp, empty where it is refused."""
    try:
        return events.read_event(order(1, timestamp=text), {"EUR": 2}).occurred_at
    except events.RefusedError:
        return ""


def test_messages_that_were_deleted_fail_the_run_until_somebody_accepts_it(shop: Shop, broker: Broker) -> None:
    shop.produce([(0, order(number)) for number in range(10)])
    shop.drain()
    shop.produce([(0, order(number)) for number in range(10, 20)])
    broker.state.topics[TOPIC][0].trim(14)
    with pytest.raises(GapError, match=r"orders: 4 messages were deleted before they were taken \(4 of partition 0\)"):
        shop.drain()
    assert shop.rows(OFFSETS)[0] == (0, 10)
    figures = shop.drain(accept_gap=True)
    assert (figures["lost"], figures["events"]) == (4, 6)
    assert shop.rows(OFFSETS)[0] == (0, 20)


def test_a_topic_that_was_made_anew_is_refused(shop: Shop, broker: Broker) -> None:
    shop.produce([(0, order(number)) for number in range(5)])
    shop.drain()
    broker.state.topics.clear()
    shop.produce([(0, order(1))])
    with pytest.raises(GapError, match="was deleted and made anew"):
        shop.drain(accept_gap=True)


def test_a_partition_that_the_topic_gets_is_read_too(shop: Shop, broker: Broker) -> None:
    shop.produce([(0, order(1))])
    with shop.stream(drain=False, seconds=20) as stream:
        stream.topic.begin({})
        assert [message.offset for message in stream.topic.take(10, 5, 0.05)] == [0]
        broker.state.topics[TOPIC].append(type(broker.state.topics[TOPIC][0])())
        shop.produce([(4, order(2))])
        stream.topic.look_for_partitions(dict)
        assert [message.partition for message in stream.topic.take(10, 10, 0.05)] == [4]
    assert shop.drain()["events"] == 2


def test_a_first_message_is_asked_for_alone(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that is asked for more waits for them, or for its time to be over."""
    asked = []

    def consume(count: int, _seconds: float) -> list[Any]:
        asked.append(count)
        return []

    with shop.stream() as stream:
        stream.topic.begin({})
        monkeypatch.setattr(stream.topic, "_consumer", SimpleNamespace(consume=consume, close=stream.topic.close))
        assert stream.topic.take(1_000, 0, 0) == []
        monkeypatch.undo()
    assert asked == [1]


def test_what_another_reader_has_taken_is_not_written(shop: Shop) -> None:
    shop.produce([(0, order(1)), (0, order(2))])
    with shop.stream() as stream:
        stream.topic.begin({})
        messages = stream.topic.take(10, 5, 0.05)
        moves = stream.topic.moves()
        shop.drain()
        with pytest.raises(OffsetsMovedError):
            stream.intake.write(stream.connection, messages, moves)
    assert shop.rows("select count(*) from orders_vault.order_event") == [(2,)]


def test_a_run_whose_lock_was_taken_over_commits_nothing(shop: Shop) -> None:
    shop.produce([(0, order(1))])
    other = Run("webshop", "local feed orders", "another", "feed", "later")
    with shop.stream() as stream:
        with psycopg.connect(shop.dsn) as connection:
            connection.execute("update report_oibl.aggregator_claims set lease_until = now() - interval '1 s'")
            connection.commit()
            lock.acquire(connection, other, 300)
        with pytest.raises(FeedLockLostError):
            stream.run()
    assert shop.rows("select count(*) from orders_vault.order_event") == [(0,)]
    assert shop.rows("select count(*) from orders_vault.consumed_offset") == [(0,)]
