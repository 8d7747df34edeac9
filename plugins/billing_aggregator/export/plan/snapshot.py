"""Distinguishes rows that the plan saw from later ones, whatever kind of transaction wrote them.

A plan's *horizon* is the oldest transaction that was still running in its snapshot. All transactions before it had
ended, sub-transactions too, as their ids are higher than their parent's. For later ones the snapshot is
not enough: it does not list running sub-transactions, and on a standby no transaction at all. So the plan remembers
which of them wrote rows that it saw: such a transaction had ended, so it can write no later row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from billing_aggregator.export.transaction import fetch_one

if TYPE_CHECKING:
    from billing_aggregator.export.plan.relation import Relation
    from billing_aggregator.postgres.protocols import Cursor

LOW_BITS = 0xFFFFFFFF
#: Transactions that are remembered; a table with more recent writers is frozen.
MOST_WRITERS = 100
FEW = 3


@dataclass(frozen=True)
class Snapshot:
    """What the plan saw. Transaction ids as the 32 bits that a row's ``xmin`` holds.

    :param horizon: all transactions before it had ended.
    :param writers: those from *horizon* on that wrote rows which were visible.
    """

    horizon: int
    writers: tuple[int, ...]

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return the snapshot of ``asdict``'s values."""
        return cls(values["horizon"], tuple(values["writers"]))

    def unseen(self, cursor: Cursor) -> str:
        """Return the SQL condition of rows that the plan did not see, for the transaction of *cursor*.

        ``age`` counts back from the current transaction, so ids from before a wrap-around are not taken for new ones.
        """
        # The number stands in the text: with a parameter the driver would look for % in the columns' names.
        age = fetch_one(cursor, f"select age('{self.horizon}'::xid)")[0]
        # The cheapest condition first: it is false for all rows where one transaction has just written the whole table.
        if len(self.writers) <= FEW:
            unknown = "".join(f"xmin <> '{writer}'::xid and " for writer in self.writers)
        else:
            unknown = f"not xmin = any('{{{','.join(map(str, self.writers))}}}'::xid[]) and "
        return f"{unknown}age(xmin) <= {age} and age(xmin) >= 0"


def take_snapshot(cursor: Cursor, relation: Relation) -> Snapshot | None:
    """Return what the transaction's snapshot says of *relation*; None if too many transactions have just written to it.

    It costs nothing where no transaction is running, else one scan over the rows' headers: the search for the next
    writer starts where the previous one was found.
    """
    text = fetch_one(cursor, "select pg_current_snapshot()::text")[0]
    horizon, limit, _ = text.split(":")
    snapshot = Snapshot(int(horizon) & LOW_BITS, ())
    after = "(0,0)"
    while horizon != limit:
        statement = (
            f"select xmin::text, ctid::text from only {relation.sql} "
            f"where ctid > '{after}'::tid and {snapshot.unseen(cursor)} limit 1"
        )
        found = fetch_one(cursor, statement)
        if found is None:
            break
        if len(snapshot.writers) == MOST_WRITERS:
            return None
        snapshot = Snapshot(snapshot.horizon, (*snapshot.writers, int(found[0])))
        after = found[1]
    return snapshot
