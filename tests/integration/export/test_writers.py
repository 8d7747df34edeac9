"""Transactions that a snapshot does not tell apart by itself: each is noticed, and what is no change is not."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest

from billing_aggregator.export.errors import ExportSourceChangedError
from billing_aggregator.export.plan.planner import Export
from billing_aggregator.export.plan.snapshot import MOST_WRITERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.exporting import Lab

BOOK = Export("book", table=("public", "book"))
UPDATE = "update book set amount = amount + 1 where id = 10"
#: What a session does before the plan, after it, and how it ends. Each leaves as many rows as there were.
WRITERS = {
    "savepoint": (["savepoint s", "insert into aside values (1)"], [UPDATE], "commit"),
    "savepoint written before": (["savepoint s", UPDATE], [], "commit"),
    "savepoint released": (["savepoint s", UPDATE, "release s"], [], "commit"),
    "savepoint in a savepoint": (
        ["savepoint s", "insert into aside values (1)", "savepoint t", UPDATE, "release t"],
        [UPDATE.replace("10", "11")],
        "commit",
    ),
    "exception block": ([f"do $$ begin {UPDATE}; exception when others then null; end $$"], [], "commit"),
    "set and set back": (["savepoint s", UPDATE], [UPDATE.replace("+", "-")], "commit"),
    "deleted and inserted": (
        ["savepoint s", "delete from book where id = 10"],
        ["insert into book values (10, 15)"],
        "commit",
    ),
    "an indexed column": (["savepoint s", "update book set id = -10 where id = 10"], [], "commit"),
}  # fmt: skip


@pytest.fixture
def book(new_lab: Callable[..., Lab]) -> Lab:
    lab = new_lab(kind="file")
    lab.sql(
        "drop table if exists book, aside cascade",
        "create table book as select g as id, g * 1.5 as amount from generate_series(1, 100) g",
        "create index on book (id)",
        "create table aside (a int)",
    )
    return lab


@pytest.mark.parametrize(("before", "after", "end"), WRITERS.values(), ids=WRITERS)
def test_whatever_writes_is_noticed(book: Lab, before: list[str], after: list[str], end: str) -> None:
    with closing(psycopg.connect(book.dsn)) as writer:
        for statement in before:
            writer.execute(statement)
        book.sql("insert into aside values (2)")  # a later id, committed: the writer's lie in the snapshot's middle
        plan = book.plan(book.run(), BOOK)
        states = book.chunks(plan)
        for statement in after:
            writer.execute(statement)
        writer.execute(end)
    with pytest.raises(ExportSourceChangedError, match="of them newer than the plan"):
        book.publish([plan], states)


def test_a_table_that_was_made_while_an_older_transaction_runs(book: Lab) -> None:
    """Its rows are younger than the oldest transaction; the plan saw them."""
    with closing(psycopg.connect(book.dsn)) as older:
        older.execute("insert into aside values (1)")
        book.sql("update book set amount = 1 where id = 1", "insert into book values (101, 1)")
        plan = book.plan(book.run(), BOOK)
        assert len(plan.snapshot.writers) == 2
        states = book.chunks(plan)
        older.execute("lock table aside in share mode")
        book.publish([plan], states)
    assert book.manifest().exports["book"].rows == 101


def test_a_table_that_many_transactions_write_to_is_frozen(book: Lab) -> None:
    with closing(psycopg.connect(book.dsn)) as older:
        older.execute("insert into aside values (1)")
        book.sql(*["insert into book values (0, 0)"] * (MOST_WRITERS + 1))
        plan = book.plan(book.run(), BOOK)
        assert plan.source.staging
        states = book.chunks(plan)
        book.sql("update book set amount = 0")
        book.publish([plan], states)
    assert book.manifest().exports["book"].control_totals["amount"] == "7575.0"


@pytest.mark.parametrize(
    "statements",
    [
        ["begin", "select from book for update"],
        ["begin", "savepoint s", "select from book for key share", "commit"],
        ["begin", UPDATE, "rollback"],
        ["begin", "savepoint s", "delete from book", "rollback to s", "commit"],
        ["vacuum (freeze) book", "analyze book", "create index on book (amount)"],
        ["alter table book alter amount set statistics 10", "comment on column book.id is 'x'"],
        ["alter table book alter amount set default 7", "alter table book alter id set not null"],
        ["grant select (id) on book to public", "grant all on book to public"],
    ],
    ids=lambda statements: statements[-1],
)
def test_what_leaves_the_rows_alone_is_no_change(book: Lab, statements: list[str]) -> None:
    with closing(psycopg.connect(book.dsn, autocommit=True)) as other:
        plan = book.plan(book.run(), BOOK)
        for statement in statements:
            other.execute(statement)
        book.publish([plan], book.chunks(plan))
    assert book.manifest().run_id == plan.run.run_id


def test_rows_copied_in_as_frozen(book: Lab) -> None:
    """Frozen rows are visible to every snapshot, and keep the id of their transaction."""
    plan = book.plan(book.run(), BOOK)
    states = book.chunks(plan)
    with closing(psycopg.connect(book.dsn)) as writer:
        writer.execute("truncate book")
        with writer.cursor().copy("copy book from stdin (freeze)") as copy:
            copy.write("".join(f"{g}\t{g * 1.5}\n" for g in range(1, 101)))
        writer.commit()
    with pytest.raises(ExportSourceChangedError, match="rebuilt"):
        book.publish([plan], states)
    plan = book.plan(book.run(), BOOK)
    book.publish([plan], book.chunks(plan))
