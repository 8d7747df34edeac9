"""How a person wants two publications to be compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from billing_aggregator.config.export_options import Dialect
from billing_aggregator.publications.errors import WrongQuestionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SAMPLE_ROWS = 10
MEMORY_MIB, LEAST_MEMORY_MIB = 1024, 256


@dataclass(frozen=True)
class Wanted:
    """What is compared, and how.

    :param export: only this export; None: all that both sides have.
    :param key: columns that tell rows apart; empty: the key of the export's definition.
    :param tolerances: column -> largest difference that counts as none, exact.
    :param empty_is_null: take an empty text for NULL: writers such as Go's ``encoding/csv`` cannot tell them apart.
    :param dialect: of files without a manifest.
    :param sample_rows: rows to show of each kind of difference.
    :param memory_mib: of the engine; what does not fit goes to the temporary folder.
    """

    export: str | None = None
    key: tuple[str, ...] = ()
    tolerances: Mapping[str, Decimal] = field(default_factory=dict)
    empty_is_null: bool = False
    dialect: Dialect = field(default_factory=Dialect)
    sample_rows: int = SAMPLE_ROWS
    memory_mib: int = MEMORY_MIB


def read_tolerances(texts: Iterable[str]) -> dict[str, Decimal]:
    """Return column -> tolerance of texts such as ``amount_gross=0.01``.

    :raises WrongQuestionError: one of them is no column with a number of zero or more.
    """
    found = {}
    for text in texts:
        column, _, number = text.partition("=")
        try:
            value = Decimal(number)
        except InvalidOperation:
            value = Decimal(-1)
        if not column or not value.is_finite() or value < 0:
            raise WrongQuestionError(f"--tolerance {text}: give a column and a number, such as amount_gross=0.01")
        found[column] = value
    return found
