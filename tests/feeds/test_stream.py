"""The loop: it ends between batches, and the next run goes on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from billing_aggregator.feeds import feed_lock
from billing_aggregator.feeds.kafka import stream as stream_module
from billing_aggregator.feeds.kafka.errors import FeedLockLostError
from billing_aggregator.feeds.kafka.posting import PostingError
from billing_aggregator.runs import Run, lock
from tests.feeds.test_intake import order

if TYPE_CHECKING:
    from tests.feeds.surroundings import Shop

TAKEN = "select count(*) from orders_vault.order_event"


def test_told_to_stop_it_ends_behind_its_batch_and_the_next_run_goes_on(shop: Shop) -> None:
    shop.batch = 10
    shop.produce([(0, order(number)) for number in range(35)])
    with shop.stream() as stream:
        stream.stop = lambda: stream.connection.info is not None and bool(shop.rows(TAKEN)[0][0])
        outcome = stream.run()
    assert (outcome.ended, outcome.batches, outcome.taken.events) == ("told to stop", 1, 10)
    assert shop.rows("select count(*) from billing.invoices") == [(10,)]
    assert shop.drain()["events"] == 25
    assert shop.rows("select count(*) from billing.invoices") == [(35,)]
    assert len(shop.published()) == 35


def test_a_continuous_run_ends_when_its_time_is_over(shop: Shop) -> None:
    shop.produce([(0, order(1))])
    began = time.monotonic()
    with shop.stream(drain=False, seconds=2) as stream:
        outcome = stream.run()
    assert (outcome.ended, outcome.taken.events, outcome.sent.rows) == ("its time is over", 1, 1)
    assert time.monotonic() - began >= 2
    assert (outcome.lag_messages, outcome.lag_seconds, outcome.outbox_seconds) == (0, 0.0, 0.0)


def test_a_backlog_is_told(shop: Shop) -> None:
    shop.batch = 10
    shop.produce([(0, order(number)) for number in range(25)])
    with shop.stream() as stream:
        stream.stop = lambda: True
        outcome = stream.run()
    assert (outcome.taken.events, outcome.lag_messages) == (10, 15)
    assert outcome.lag_seconds > 0


def test_what_waits_for_a_rate_is_posted_without_an_event(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "CHORES_SECONDS", 0.5)
    held = "select status from billing.invoices"
    shop.produce([(0, order(1, tax_region="FR"))])
    assert shop.drain()["sent"] == 0
    assert shop.rows(held) == [("ON_HOLD",)]
    add = "insert into billing.tax_rate (tax_region, tax_class, rate, valid_from) values ('FR', 'standard', 0.2, %s)"

    def stop() -> bool:
        # Asked for the first time in the loop: nothing has come, and now the rate is there.
        if shop.rows("select count(*) from billing.tax_rate where tax_region = 'FR'") == [(0,)]:
            with psycopg.connect(shop.dsn) as connection:
                connection.execute(add, ["2014-01-01"])
        return shop.rows("select count(published_at) from billing.outbox") == [(1,)]

    with shop.stream(drain=False, seconds=20) as stream:
        stream.stop = stop
        outcome = stream.run()
    assert (outcome.taken.events, outcome.sent.rows) == (0, 1)


def test_a_script_that_fails_is_named_and_nothing_is_lost(shop: Shop) -> None:
    shop.produce([(0, order(1))])
    with shop.stream() as stream:
        script, statement = stream.posting._statements[-1]
        stream.posting._statements.append((script, type(statement)("select 1 / 0", 0, 7)))
        with pytest.raises(PostingError, match=r"^feeds/orders/070_outbox\.sql, line 7: division by zero"):
            stream.run()
    assert shop.rows(TAKEN) == [(0,)]
    assert shop.drain()["sent"] == 1


def test_the_lock_is_prolonged_while_the_loop_runs(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_lock, "PROLONG_SECONDS", 0.2)
    lease = "select extract(epoch from lease_until - now()) from report_oibl.aggregator_claims"
    with shop.stream(drain=False, seconds=2) as stream:
        lock.acquire(stream.connection, stream.lock._run, 2)
        stream.run()
        assert shop.rows(lease)[0][0] > 200
        other = Run("webshop", "local feed orders", "other", "feed", "x")
        stream.connection.cursor().execute(
            "update report_oibl.aggregator_claims set lease_until = now() - interval '1 h'"
        )
        stream.connection.commit()
        lock.acquire(stream.connection, other, 300)
        stream.lock._prolonged = 0
        with pytest.raises(FeedLockLostError):
            stream.lock.prolong(stream.connection)
