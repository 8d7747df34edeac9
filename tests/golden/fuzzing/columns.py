"""Where new values of a column come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.golden.fuzzing import values

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    Pool = Callable[[Random], object]


@dataclass(frozen=True)
class Column:
    """A column that may get other values.

    :param pool: makes a new value; None: values come from other rows only.
    :param like: ``schema.table.column`` whose values fit too, besides the column's own.
    :param nullable: may be cleared.
    :param renew: gets a new value in every copied row: equal ones would be a tie without a rule.
    """

    pool: Pool | None = None
    like: str | None = None
    nullable: bool = True
    renew: bool = False


def chosen(options: Sequence[object]) -> Pool:
    """A pool that picks one of *options*."""
    return lambda rng: rng.choice(options)


#: Table to (key column, relative frequency of changes, columns).
Tables = dict[str, tuple[str, int, dict[str, Column]]]

INSTANT = Column(values.instant)
CENTS = Column(values.cents)
OTHER = Column()
AGGREGATE = Column(chosen(("", None)), like="datalake_vault.applied_billing_charge.aggregateid")
