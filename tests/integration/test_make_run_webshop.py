"""``make run CLIENT=webshop``: a broker, the sample orders, the feed and the night, in one process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.conftest import ROOT
from tests.integration.test_make_run import environment
from tests.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.local.postgres import EmbeddedPostgres

COMMAND = [sys.executable, "-m", "billing_aggregator"]


def command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(**variables),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def outcome() -> dict[str, Any]:
    done = command("run", "--client", "webshop", "--environment", "local", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_sample_message_is_taken_or_refused(outcome: dict[str, Any]) -> None:
    feeds = outcome["feeds"]
    events = sum(int(count) for _, count in feeds["events"])
    refused = {reason: int(count) for reason, count in feeds["rejected"]}
    assert events > 100
    assert refused
    assert sum(int(count) for _, _, count, _, _ in feeds["invoices"]) > 50


def test_the_ledger_adds_up_and_the_outbox_is_sent(outcome: dict[str, Any]) -> None:
    feeds = outcome["feeds"]
    sums: dict[str, Decimal] = {}
    for _, _, currency, debit, credit, _ in feeds["ledger"]:
        sums[currency] = sums.get(currency, Decimal(0)) + Decimal(debit) - Decimal(credit)
    assert sums
    assert set(sums.values()) == {Decimal(0)}
    assert feeds["outbox"]
    assert all(rows == published for _, rows, published in feeds["outbox"])


def test_the_night_publishes_the_list_and_the_archive(outcome: dict[str, Any]) -> None:
    assert outcome["ok"]
    assert set(outcome["manifest"]["exports"]) == {"orders_results", "billing/invoices", "billing/ledger_entries"}
    invoices = sum(int(count) for _, _, count, _, _ in outcome["feeds"]["invoices"])
    assert outcome["manifest"]["exports"]["orders_results"]["rows"] == invoices


def test_a_dry_run_on_ones_own_warehouse_takes_nothing(
    postgres: EmbeddedPostgres, new_warehouse: Callable[[], str]
) -> None:
    name = new_warehouse()
    server = {"BDA_DB_HOST": postgres.host, "BDA_DB_PORT": str(postgres.port), "BDA_DB_NAME": name}
    done = command("run", "--client", "webshop", "--environment", "local", "--dry-run", **server)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "left out: what they take and publish is no dry run" in done.stdout
    with psycopg.connect(postgres.dsn(name)) as connection:
        assert connection.execute("select count(*) from orders_vault.order_event").fetchall() == [(0,)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "--feeds-only", "--no-feeds"), "not allowed with argument"),
        (("run", "--client", "enercity", "--feeds-only"), "enercity/local has no feeds"),
        (("produce-orders", "--client", "enercity"), "enercity/local has no feed orders"),
        (("produce-orders", "--client", "webshop"), "create the Airflow connection kafka_webshop_local"),
        (("produce-orders", "--client", "webshop", "--orders", "0"), "must be greater than 0"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(arguments: tuple[str, ...], message: str) -> None:
    done = command(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
