"""Makes the changes of one seed: a list of SQL statements, the same for the same seed."""

from __future__ import annotations

from itertools import count
from random import Random
from typing import Any
from uuid import UUID

from tests.golden.fuzzing.literals import literal
from tests.golden.fuzzing.stories import STORIES
from tests.golden.fuzzing.tables import TABLES

#: Transactions and aggregates that most changes of a seed touch: few, so that changes meet each other.
HOT = (8, 25)
KINDS = ("value", "value", "copy", "copy", "null", "duplicate", "delete", "twin")


class Keys:
    """Keys of the vault's rows, and fresh ones."""

    def __init__(self, connection: Any, rng: Random) -> None:
        self.rows = {table: self._column(connection, table, key) for table, (key, _, _) in TABLES.items()}
        charge = "datalake_vault.applied_billing_charge"
        transactions = sorted(set(self._column(connection, charge, "transactionid")) - {None})
        aggregates = sorted(set(self._column(connection, charge, "aggregateid")) - {None, ""})
        self.transactions = rng.sample(transactions, rng.randint(*HOT))
        self.aggregates = rng.sample(aggregates, rng.randint(*HOT))
        self.hot = self._hot(connection)
        #: Journal entry of each fresh item.
        self.entries: dict[str, str] = {}
        self._numbers = count(990_000_000)

    def pick(self, rng: Random, table: str) -> Any:
        """Return the key of a row, more often of a hot transaction's."""
        hot = self.hot.get(table)
        return rng.choice(hot if hot and rng.random() < 0.7 else self.rows[table])

    def fresh(self) -> int:
        """Return a number that no row has."""
        return next(self._numbers)

    def fresh_uuid(self) -> str:
        """Return a UUID that no row has."""
        return str(UUID(int=self.fresh()))

    def _hot(self, connection: Any) -> dict[str, list[Any]]:
        tables = ("applied_billing_charge", "billing_account_balance", "payment_request")
        query = "select ouid from datalake_vault.{} where transactionid = any(%s) order by ouid"
        return {
            f"datalake_vault.{table}": [
                row[0] for row in connection.execute(query.format(table), [self.transactions]).fetchall()
            ]
            for table in tables
        }

    @staticmethod
    def _column(connection: Any, table: str, column: str) -> list[Any]:
        query = f'select "{column}" from {table} order by "{column}"'
        return [row[0] for row in connection.execute(query).fetchall()]


def changes(connection: Any, seed: int, size: int) -> list[str]:
    """Return *size* changes of the vault that *connection* sees; some are made of several statements."""
    rng = Random(seed)  # noqa: S311 - repeatable, not secret
    keys = Keys(connection, rng)
    weights = [weight for _, weight, _ in TABLES.values()]
    found: list[str] = []
    for _ in range(size):
        if rng.random() < 0.3:
            found.append("; ".join(rng.choice(STORIES)(rng, keys)))
        else:
            table = rng.choices(list(TABLES), weights)[0]
            found.append(_Change(rng, keys, table).statement())
    return found


class _Change:
    """A change of one row, in one place."""

    def __init__(self, rng: Random, keys: Keys, table: str) -> None:
        self._rng, self._keys, self._table = rng, keys, table
        self._key, _, self._columns = TABLES[table]

    def statement(self) -> str:
        where = self._where(self._keys.pick(self._rng, self._table))
        kind = self._rng.choice(KINDS)
        if kind == "delete":
            return f"delete from {self._table} {where}"
        if kind == "twin":
            return f"insert into {self._table} select * from {self._table} {where}"
        if kind == "duplicate":
            return self._duplicate(where)
        return self._update(self._name(), kind, where)

    def _duplicate(self, where: str) -> str:
        fresh = self._keys.fresh() if self._key == "ouid" else self._keys.fresh_uuid()
        copied = ", ".join(self._columns)
        insert = (
            f"insert into {self._table} ({self._key}, {copied}) select {literal(fresh)}, {copied} from {self._table}"
        )
        renewed = [name for name, column in self._columns.items() if column.renew]
        names = dict.fromkeys([*renewed, self._name()])
        return "; ".join([f"{insert} {where}", *[self._update(name, "value", self._where(fresh)) for name in names]])

    def _update(self, name: str, kind: str, where: str) -> str:
        return f'update {self._table} set "{name}" = {self._value(name, kind)} {where}'

    def _value(self, name: str, kind: str) -> str:
        column = self._columns[name]
        if kind == "null" and column.nullable:
            return "null"
        if column.like and (column.pool is None or self._rng.random() < 0.5):
            schema, other, source = column.like.split(".")
            return self._taken(f"{schema}.{other}", source, "::text" if name == "external_reference" else "")
        if column.pool and (kind == "value" or not column.nullable or column.renew):
            return literal(column.pool(self._rng))
        return self._taken(self._table, name, "")

    def _taken(self, table: str, column: str, cast: str) -> str:
        key = literal(self._keys.pick(self._rng, table))
        return f'(select "{column}"{cast} from {table} where {TABLES[table][0]} = {key} limit 1)'

    def _name(self) -> str:
        return self._rng.choice(list(self._columns))

    def _where(self, key: object) -> str:
        return f"where {self._key} = {literal(key)}"
