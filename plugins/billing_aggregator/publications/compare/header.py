"""The header of a CSV file without a manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.export.csv_records import CsvError, decompressed, records
from billing_aggregator.publications.errors import BrokenPublicationError, WrongQuestionError, explained

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing_aggregator.config.export_options import Dialect

PIECE = 1 << 16


def read_header(file: Path, dialect: Dialect, compression: str) -> tuple[str, ...]:
    """Return the names in the first line of *file*.

    :raises BrokenPublicationError: it has none, or is not compressed as its name says.
    :raises WrongQuestionError: two columns have one name.
    """
    with explained(None), file.open("rb") as source:
        pieces: Iterator[bytes] = iter(lambda: source.read(PIECE), b"")
        try:
            lines = records(decompressed(pieces, compression), delimiter=dialect.delimiter, null="\0")
            # A mark of UTF-8 and a carriage return are the writer's, not the column's.
            names = tuple((name or b"").decode().removeprefix("\ufeff").rstrip("\r") for name in next(lines, []))
        except CsvError as error:
            raise BrokenPublicationError(f"{file}: {error}") from None
    if not names:
        raise BrokenPublicationError(f"{file} is empty: it has no header line")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise WrongQuestionError(f"{file}: several columns are called {', '.join(twice)}; rename them")
    return names
