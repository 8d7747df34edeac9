"""DuckDB reads CSV in parallel, keeps within a limit of memory and spills the rest to a temporary folder.

Values stay texts: nothing here turns a number into a float. A row is known by the MD5 of the JSON array of its values,
in which NULL, empty text and every other text look different.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from billing_aggregator.publications.errors import BrokenPublicationError, UnreadableError, WrongQuestionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import duckdb

    from billing_aggregator.publications.compare.sides import ExportFiles

#: The longest row that the reader takes, in bytes, is this share of the memory: it holds two of them for each thread.
LONGEST_ROW_SHARE = 32
#: Where a message of the reader names the file.
FILE = re.compile(r"^\s*file = (.+)$", re.MULTILINE)
COMPRESSIONS = {"none": "none", "gzip": "gzip", "zstd": "zstd"}


def text(value: str) -> str:
    """Return an SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


class Engine:
    """A DuckDB of its own in a folder.

    :param folder: for the database and what does not fit into memory.
    :param memory_mib: at most so much memory, beside that of the reader's buffers.
    :raises WrongQuestionError: DuckDB is not installed.
    """

    def __init__(self, folder: Path, memory_mib: int) -> None:
        try:
            import duckdb
        except ImportError:
            raise WrongQuestionError(
                "compare needs the package duckdb, which is not installed here: pip install duckdb"
            ) from None
        self._errors = duckdb
        self.folder = folder
        self.memory_bytes = memory_mib << 20
        self._connection: duckdb.DuckDBPyConnection = duckdb.connect(str(folder / "compare.duckdb"))
        for setting in (
            f"memory_limit = '{memory_mib}MiB'",
            f"temp_directory = {text(str(folder / 'spill'))}",
            "enable_progress_bar = false",
            "autoinstall_known_extensions = false",
            # Rows are a set with repetitions: their order would only cost memory.
            "preserve_insertion_order = false",
            # A join holds its right side in memory. The engine would choose by what it guesses of a CSV file's length,
            # and holds the wide rows of a whole file for some digests.
            "disabled_optimizers = 'build_side_probe_side'",
        ):
            self._connection.execute(f"set {setting}")
        self.threads = int(self.value("select current_setting('threads')"))

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows.

        :raises BrokenPublicationError: a file is not the CSV that it should be.
        :raises UnreadableError: there is no room left in memory or in the temporary folder.
        """
        try:
            return self._connection.execute(statement).fetchall()
        except (self._errors.OutOfMemoryException, self._errors.IOException) as error:
            raise UnreadableError(
                f"the comparison has no room: {_first(error)}; set TMPDIR to a folder with more, or raise --memory"
            ) from None
        except (self._errors.InvalidInputException, self._errors.ConversionException) as error:
            named = FILE.search(str(error))
            raise BrokenPublicationError(
                f"{named[1] if named else 'a file'} cannot be read as CSV: {_first(error)}; see --delimiter, --null "
                "and, for rows of many MiB, --memory"
            ) from None

    def value(self, statement: str) -> Any:
        """Run a statement and return the first column of its first row."""
        return self.run(statement)[0][0]


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


@dataclass(frozen=True)
class Reading:
    """How the rows of one side's files are read: columns ``c0``, ``c1`` ... in the order of the other side's.

    :param source: a table function with one text column for each column of the files.
    :param values: SQL of the compared columns' values, in one order for both sides.
    """

    source: str
    values: tuple[str, ...]

    @property
    def as_json(self) -> str:
        """SQL of a row as one text, in which different rows look different."""
        return as_json(self.values)

    @property
    def digest(self) -> str:
        """SQL of the digest of a row, 128 bits."""
        return row_digest(self.values)

    @property
    def columns(self) -> str:
        """SQL that selects the compared columns as ``c0``, ``c1`` ..."""
        return ", ".join(f"{value} as c{number}" for number, value in enumerate(self.values))


def row_digest(values: Iterable[str]) -> str:
    """Return SQL of the digest of some values, 128 bits."""
    return f"md5_number({as_json(values)})"


def as_json(values: Iterable[str]) -> str:
    """Return SQL of the JSON array of some values."""
    return f"json_array({', '.join(values)})"


def reading(side: ExportFiles, columns: Sequence[str], *, empty_is_null: bool, memory_mib: int) -> Reading:
    """Return how *columns* of a side are read.

    :param memory_mib: of the engine.
    """
    longest = (memory_mib << 20) // LONGEST_ROW_SHARE
    names = [f"f{number}" for number in range(len(side.columns))]
    places = {column: names[number] for number, column in enumerate(side.columns)}
    values = tuple(f"nullif({places[c]}, '')" if empty_is_null else places[c] for c in columns)
    if not side.files:
        nothing = ", ".join(f"null::varchar as {name}" for name in names)
        return Reading(f"(select {nothing} where false)", values)
    typed = ", ".join(f"{text(name)}: 'VARCHAR'" for name in names)
    options = {
        "columns": f"{{{typed}}}",
        "auto_detect": "false",
        "header": str(side.dialect.header).lower(),
        "delim": text(side.dialect.delimiter),
        "quote": "'\"'",
        "escape": "'\"'",
        "nullstr": text(side.dialect.null),
        # "" is an empty text, and only nothing is NULL.
        "allow_quoted_nulls": "false",
        "compression": text(COMPRESSIONS[side.compression]),
        "max_line_size": str(longest),
        "buffer_size": str(2 * longest),
    }
    files = ", ".join(text(str(file)) for file in side.files)
    given = ", ".join(f"{name} = {value}" for name, value in options.items())
    return Reading(f"read_csv([{files}], {given})", values)
