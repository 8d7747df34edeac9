"""Names, order and types of two sides' columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing_aggregator.publications.compare.sides import ExportFiles


def schema_differences(a: ExportFiles, b: ExportFiles) -> Iterator[str]:
    """Yield a sentence for each difference; types differ where both sides know them."""
    for side, mine, other in (("A", a, b), ("B", b, a)):
        only = [column for column in mine.columns if column not in other.columns]
        if only:
            yield f"only {side} has the column{'s' * (len(only) > 1)} {', '.join(only)}"
    common = [column for column in a.columns if column in b.columns]
    if common != [column for column in b.columns if column in a.columns]:
        yield "the columns stand in another order"
    for column in common:
        types = a.types.get(column, ""), b.types.get(column, "")
        if all(types) and types[0] != types[1]:
            yield f"{column} is {types[0]} in A and {types[1]} in B"
