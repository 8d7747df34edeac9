"""How many files an export may have, and in how many tasks they are written."""

from __future__ import annotations

from billing_aggregator.config.limits import MOST_FILES
from billing_aggregator.export.errors import TooManyFilesError

#: Tasks of one export: well below the 1,024 that Airflow maps unless it is told otherwise.
MOST_UNITS = 500
#: As many tasks as can ever run side by side (``db_max_conns``): up to here each file has a task of its own.
PARALLEL_UNITS = 64
#: Beyond that, a task is worth its seconds of start if it has this many rows.
ROWS_PER_UNIT = 250_000


def check_files(name: str, rows: int, rows_per_file: int) -> None:
    """Refuse an export that would need more than :data:`MOST_FILES` files.

    :raises TooManyFilesError: with the smallest ``max_rows_per_file`` that would do.
    """
    files = -(-rows // rows_per_file)
    if files > MOST_FILES:
        raise TooManyFilesError(
            f"export {name}: {rows:,} rows with max_rows_per_file {rows_per_file} would be {files:,} files, an export "
            f"has at most {MOST_FILES:,}; set max_rows_per_file to {-(-rows // MOST_FILES)} or more"
        )


def divide(files: int, rows: int, *, files_per_unit: int | None = None, most: int = MOST_UNITS) -> list[range]:
    """Return the files of each unit: neighbours, as even as can be, the same for the same numbers.

    All files but the last have the same number of rows, so units that are even in files are even in rows.

    :param rows: rows of all files.
    :param files_per_unit: as many files in each unit but the last, or more where the units would be too many; None: one
        file, and more where there are many small ones.
    :param most: units at most; more than :data:`MOST_UNITS` counts as that.
    """
    most = max(1, min(most, MOST_UNITS))
    if files_per_unit is not None and -(-files // files_per_unit) <= most:
        return [range(first, min(first + files_per_unit, files)) for first in range(0, files, files_per_unit)]
    worth = most if files_per_unit is not None else max(PARALLEL_UNITS, -(-rows // ROWS_PER_UNIT))
    units = min(files, most, worth)
    return [range(files * unit // units, files * (unit + 1) // units) for unit in range(units)]
