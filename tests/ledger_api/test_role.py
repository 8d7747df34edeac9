"""The role ``ledger_api``: it posts and reads, as all other tests show; it changes and deletes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from tests.ledger_api.server import API_ROLE

if TYPE_CHECKING:
    from billing_aggregator.local.postgres import EmbeddedPostgres

TABLES = (
    "ledger.transaction", "ledger.entry", "ledger.account", "ledger.currency", "ledger.closed_month",
    "ledger.account_total", "ledger.posting_gate", "ledger.due_check", "ledger.guarded_balance", "billing.invoices",
    "billing.invoice_lines",
)  # fmt: skip
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
