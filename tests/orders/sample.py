"""The sample's orders and rates, and what the model makes of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.conftest import ROOT
from tests.orders.events import Event, read_jsonl, take
from tests.orders.model import Books, Rates
from tests.orders.warehouse import post

if TYPE_CHECKING:
    import psycopg

FOLDER = ROOT / "sample" / "orders"
BATCH = 37


def events() -> list[Event]:
    """Return the events of the sample, in the topic's order."""
    return read_jsonl((FOLDER / "orders.jsonl").read_text(encoding="utf-8"))


def batches() -> list[list[Event]]:
    """Return the events in batches of 37."""
    listed = events()
    return [listed[start : start + BATCH] for start in range(0, len(listed), BATCH)]


def load(connection: psycopg.Connection[Any]) -> None:
    """Fill the rates, take the sample in and post it."""
    connection.execute((FOLDER / "rates.sql").read_text(encoding="utf-8").encode())
    for batch in batches():
        take(connection, batch)
        connection.commit()
        post(connection)


def modelled() -> Books:
    """Return what the model makes of the sample; its rates are read from the file's text, not by the database."""
    rates = Rates({}, {})
    for line in (FOLDER / "rates.sql").read_text(encoding="utf-8").splitlines():
        values = [value.strip().strip("'") for value in line.strip("(),").split(",")]
        if line.startswith("(") and values[1] == "EUR":
            rates.exchange[values[0], date.fromisoformat(values[2])] = Decimal(values[3])
        elif line.startswith("("):
            rates.tax[values[0], values[1], date.fromisoformat(values[3])] = Decimal(values[2])
    books = Books()
    for batch in batches():
        books.post(batch, rates)
    return books
