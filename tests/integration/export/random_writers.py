"""Sessions that write at random to a table, one after the other: a seed always does the same."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from tests.exporting import Lab

KEEPS_COUNT = 0.6
STATE = """
    select
        count(*), coalesce(sum(amount), 0)::text,
        coalesce(string_agg(concat_ws(',', id, amount), e'\\n' order by ctid), ''),
        coalesce(string_agg(ctid::text || xmin::text, ' ' order by ctid), '')
    from shop.book
"""


@dataclass
class Writer:
    """A session that does something at random; what others have locked it leaves alone."""

    connection: Any
    chance: random.Random
    number: int
    keeps_count: bool
    depth: int = 0
    open: bool = False
    prepared: list[str] = field(default_factory=list)

    def act(self) -> None:
        """Do one thing."""
        often = [self._write] * 6 + [self._savepoint] * 3 + [self._block] * 3 + [self.commit] * 2
        seldom = [self._back, self._release, self._lock, self.touch, self._rollback, self._vacuum]
        step = self.chance.choice([*often, *seldom, self._prepare, self._finish_prepared])
        step()

    def end(self) -> None:
        """Leave nothing behind."""
        self._rollback()
        for name in self.prepared:
            self.connection.execute(f"rollback prepared '{name}'")
        self.connection.close()

    def _begin(self) -> None:
        if not self.open:
            self.connection.execute("begin")
            self.open, self.depth = True, 0

    def _change(self) -> str:
        some = f"select id from shop.book where id % 7 = {self.chance.randrange(7)} for update skip locked"
        amount = self.chance.randrange(1000)
        changes = [
            f"update shop.book set amount = {amount} where id in ({some})",
            f"update shop.book set amount = amount where id in ({some})",
            f"with gone as (delete from shop.book where id in ({some}) returning *) "
            "insert into shop.book select * from gone",
            f"insert into shop.book select {self.chance.randrange(100, 10**6)}, {amount}",
            f"delete from shop.book where id in ({some})",
        ]
        return self.chance.choice(changes[:3] if self.keeps_count else changes)

    def _write(self) -> None:
        if self.chance.random() < 0.8:
            self._begin()
        self.connection.execute(self._change())

    def touch(self) -> None:
        """Get an id before the table is written to."""
        self._begin()
        self.connection.execute("insert into shop.other values (1)")

    def _savepoint(self) -> None:
        self._begin()
        self.depth += 1
        self.connection.execute(f"savepoint s{self.depth}")

    def _back(self) -> None:
        if self.depth:
            self.connection.execute(f"rollback to savepoint s{self.depth}")

    def _release(self) -> None:
        if self.depth:
            self.connection.execute(f"release savepoint s{self.depth}")
            self.depth -= 1

    def _block(self) -> None:
        """A block with EXCEPTION is a sub-transaction; half of them fail."""
        if self.chance.random() < 0.7:
            self._begin()
        fails = "perform 1 / 0;" if self.chance.random() < 0.4 else ""
        self.connection.execute(
            f"do $$ begin begin {self._change()}; {fails} exception when others then null; end; end $$"
        )

    def _lock(self) -> None:
        self._begin()
        self.connection.execute(
            f"select from shop.book where id % 5 = {self.chance.randrange(5)} for share skip locked"
        )

    def commit(self) -> None:
        if self.open:
            self.connection.execute("commit")
            self.open, self.depth = False, 0

    def _rollback(self) -> None:
        if self.open:
            self.connection.execute("rollback")
            self.open, self.depth = False, 0

    def _prepare(self) -> None:
        if self.open:
            name = f"w{self.number}_{self.chance.randrange(10**9)}"
            self.connection.execute(f"prepare transaction '{name}'")
            self.prepared.append(name)
            self.open, self.depth = False, 0

    def _finish_prepared(self) -> None:
        if self.prepared and not self.open:
            how = self.chance.choice(["commit", "commit", "rollback"])
            self.connection.execute(f"{how} prepared '{self.prepared.pop()}'")

    def _vacuum(self) -> None:
        if not self.open:
            how = self.chance.choice(["vacuum", "analyze", "vacuum (freeze, truncate off)"])
            self.connection.execute(f"{how} shop.book")


def build(lab: Lab, chance: random.Random) -> None:
    """Make the table anew, by one to four transactions."""
    lab.sql(
        "drop table if exists shop.book cascade",
        "create table shop.book (id bigint, amount numeric) with (autovacuum_enabled = off)",
        "create view shop.book_view as select amount, id from shop.book",
        f"insert into shop.book select g, g * 1.5 from generate_series(1, {chance.randrange(5, 40)}) g",
    )
    for first in range(chance.randrange(3)):
        lab.sql(f"insert into shop.book values ({first + 50}, 1)")


@dataclass(frozen=True)
class State:
    """What is committed: rows, sum, CSV, and the versions of all rows."""

    rows: int
    total: str
    csv: str
    versions: str


class Others:
    """All sessions of a round, and what is committed after each of their steps."""

    def __init__(self, lab: Lab, chance: random.Random) -> None:
        keeps_count = chance.random() < KEEPS_COUNT
        self._chance = chance
        self._reader = psycopg.connect(lab.dsn, autocommit=True)
        self._writers = [
            Writer(psycopg.connect(lab.dsn, autocommit=True), chance, number, keeps_count)
            for number in range(chance.randrange(1, 4))
        ]
        self.seen: list[str] = []

    def act(self, most: int) -> None:
        """Do up to *most* things."""
        for _ in range(self._chance.randrange(most + 1)):
            self._chance.choice(self._writers).act()
            self.seen.append(self.state().versions)

    def touch(self) -> None:
        """Begin a transaction that is older than the table."""
        self._writers[0].touch()

    def commit(self) -> None:
        """Commit whatever is open."""
        for writer in self._writers:
            writer.commit()
        self.seen.append(self.state().versions)

    def state(self) -> State:
        """Return what is committed."""
        return State(*self._reader.execute(STATE).fetchall()[0])

    def end(self) -> None:
        """Leave nothing behind."""
        for writer in self._writers:
            writer.end()
        self._reader.close()


@contextmanager
def closing_others(lab: Lab, chance: random.Random) -> Iterator[Others]:
    """Yield the sessions, and end them."""
    others = Others(lab, chance)
    try:
        yield others
    finally:
        others.end()
