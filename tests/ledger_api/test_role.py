"""The role ``ledger_api``: it posts and reads, as all other tests show; it changes and deletes nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from psycopg.types.json import Jsonb

from tests.ledger_api.server import API_ROLE, Running

if TYPE_CHECKING:
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres

TABLES = (
    "ledger.transaction", "ledger.entry", "ledger.account", "ledger.currency", "ledger.closed_month",
    "ledger.account_total", "ledger.posting_gate", "ledger.due_check", "ledger.guarded_balance", "billing.invoices",
    "billing.invoice_lines",
)  # fmt: skip
SIDES = (("1200", "debit"), ("4000", "credit"))
INSERTED = {"ledger.transaction", "ledger.entry"}


@pytest.mark.parametrize("table", TABLES)
def test_nothing_can_be_changed_or_deleted(postgres: EmbeddedPostgres, ledger_database: str, table: str) -> None:
    with psycopg.connect(postgres.dsn(ledger_database, API_ROLE), autocommit=True) as session:
        column = session.execute(
            "select attname from pg_attribute where attrelid = %s::regclass and attnum = 2", [table]
        ).fetchone()
        assert column is not None
        for statement in (f"update {table} set {column[0]} = null", f"delete from {table}", f"truncate {table}"):
            with pytest.raises(InsufficientPrivilege):
                session.execute(statement.encode())
        if table not in INSERTED:
            with pytest.raises(InsufficientPrivilege):
                session.execute(f"insert into {table} default values".encode())


@pytest.mark.parametrize("statement", ["create schema x", "create table ledger.x ()", "drop table ledger.entry"])
def test_it_owns_and_makes_nothing(postgres: EmbeddedPostgres, ledger_database: str, statement: str) -> None:
    with (
        psycopg.connect(postgres.dsn(ledger_database, API_ROLE), autocommit=True) as session,
        pytest.raises(InsufficientPrivilege),
    ):
        session.execute(statement.encode())


def test_a_running_service_folds_the_totals(
    postgres: EmbeddedPostgres, ledger_database: str, books: psycopg.Connection[Any], tmp_path: Path
) -> None:
    """The role may not delete rows; the sums stay."""
    for number in range(3):
        entries = [
            {"owner": "house", "code": code, "side": side, "amount": "1", "currency": "SEK"} for code, side in SIDES
        ]
        books.execute("select ledger.post(%s, 'manual', '2026-07-01', 'api', %s)", [f"fold-{number}", Jsonb(entries)])
    query = "select count(*), sum(debit), sum(credit), sum(entries) from ledger.account_total where currency = 'SEK'"
    assert books.execute(query).fetchone() == (6, 3, 3, 6)
    with Running(postgres, ledger_database, tmp_path / "log"):
        while (found := books.execute(query).fetchone()) == (6, 3, 3, 6):
            time.sleep(0.05)
    assert found == (2, 3, 3, 6)
