"""The orders' feed and the night of the same client at once: neither fails, neither sees half of the other's work."""

from __future__ import annotations

import csv
import random
import time
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from billing_aggregator.export.reader import read_csv
from billing_aggregator.local.warehouse import ROLE, create_octopus
from tests.broker.server import Broker
from tests.faults.figures import RACES, record, repeated
from tests.feeds.results import differences, result
from tests.feeds.rounds import CONTEXT
from tests.feeds.streams import stream
from tests.feeds.surroundings import Shop, make_schema
from tests.feeds.worker import work
from tests.survival.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.export.manifest import Manifest
    from tests.survival.surroundings import Client

FEW = 1
ORDERS = 12
BATCH = 10
CONFIG: dict[str, Any] = {
    "systems": ["orders"],
    "dependencies": {"orders": []},
    "scripts_dir": None,
    "max_rows_per_file": 1_000,
    "orders": {"tax_region": "DE", "tax_class": "standard", "base_currency": "EUR"},
}
#: The business date of most postings so far.
DAY = "select business_date::text from ledger.transaction group by 1 order by count(*) desc, 1 limit 1"


@pytest.fixture
def shopkeeper(new_client: Callable[[], Client]) -> Client:
    """A client with the orders' tables in its warehouse."""
    made = new_client()
    made.config = CONFIG
    with psycopg.connect(made.server.dsn(made.database, ROLE)) as connection:
        make_schema(connection)
    return made


def unbalanced(client: Client, manifest: Manifest) -> dict[tuple[str, str], Decimal]:
    """Return the published transactions whose entries do not add up, by id and currency; the file has entries."""
    export = manifest.exports["billing/ledger_entries"]
    totals: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for file in export.files:
        for row in csv.DictReader(read_csv(client.store, export, file).decode().splitlines()):
            amount = Decimal(row["amount"])
            totals[row["transaction_id"], row["currency"]] += amount if row["side"] == "debit" else -amount
    assert totals
    return {key: total for key, total in totals.items() if total}


def race(client: Client, shop: Shop, number: int, chance: random.Random) -> None:
    """Drain the topic in one process while the night runs in another one."""
    feed = CONTEXT.Process(target=work, args=(shop.dsn, shop.servers, {"batch": BATCH}, "", 1), daemon=True)
    feed.start()
    # Not a time that anything depends on: so that they meet in another place each time.
    time.sleep(chance.random())
    order = client.order(
        f"night {number}", "2026-11-01T02:00:00+00:00", params={"business_date": client.sql(DAY)[0][0]}
    )
    codes = client.worker.run(order)
    feed.join(600)
    assert (codes, feed.exitcode) == ([0], 0), client.errors(order)
    manifest = client.manifest()
    assert manifest is not None
    assert manifest.run_id == order.run_id
    assert unbalanced(client, manifest) == {}
    assert client.leftovers() == {}


def races(client: Client, wanted: int) -> tuple[int, int]:
    """Let feed and night meet; compare with a feed that was alone. Return how many races, and readings, there were."""
    chance = random.Random(5)  # noqa: S311 - not for secrets
    alone_at = f"{client.database}_alone"
    create_octopus(client.server, alone_at)
    with psycopg.connect(client.server.dsn(alone_at, ROLE)) as connection:
        make_schema(connection)
    with Broker() as broker, Broker() as other, Watcher(client) as watcher:
        shop = Shop(client.server.dsn(client.database, ROLE), broker.servers, batch=BATCH)
        alone = Shop(client.server.dsn(alone_at, ROLE), other.servers, batch=BATCH)
        number = 0
        for number in repeated(wanted + 1, "feed and night at once"):
            messages: Any = stream(number, ORDERS)
            for each in (shop, alone):
                each.produce(messages)
            alone.drain()
            if number == 0:
                shop.drain()
            else:
                race(client, shop, number, chance)
        shop.drain()
        assert differences(result(alone), result(shop)) == ""
    return number, watcher.looks


def test_feed_and_night_at_once(shopkeeper: Client) -> None:
    races(shopkeeper, FEW)


@pytest.mark.faults
@pytest.mark.timeout(4 * 3600)
def test_a_hundred_times_feed_and_night_at_once(shopkeeper: Client) -> None:
    done, looks = races(shopkeeper, RACES)
    record("feed and night at once", races=done, looks=looks)
