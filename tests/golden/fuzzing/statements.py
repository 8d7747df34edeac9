"""What stories are written with: the tables that most of them change, and INSERTs."""

from __future__ import annotations

from tests.golden.fuzzing.literals import literal

LAKE = "datalake_vault"
BOOKS = "bookkeeper_vault"
CHARGE = f"{LAKE}.applied_billing_charge"
BALANCE = f"{LAKE}.billing_account_balance"


def insert(table: str, **columns: object) -> str:
    """Return an INSERT of one row."""
    return f"insert into {table} ({', '.join(columns)}) values ({', '.join(map(literal, columns.values()))})"
