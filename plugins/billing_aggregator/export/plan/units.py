"""Divides an export's chunks into units.

A chunk is one file of an export. A unit is the work of one mapped task: one chunk, or neighbouring ones that share a
COPY.
"""

from __future__ import annotations

#: Tasks of one export: well below the 1,024 that Airflow maps unless it is told otherwise.
MOST_UNITS = 500
#: As many tasks as can ever run side by side (``db_max_conns``): up to here each file has a task of its own.
PARALLEL_UNITS = 64
#: Beyond that, a task is worth its seconds of start if it has this many rows.
ROWS_PER_UNIT = 250_000


def divide(chunks: int, rows: int, *, chunks_per_unit: int | None = None, most: int = MOST_UNITS) -> list[range]:
    """Return the chunks of each unit: neighbours, as even as can be, the same for the same numbers.

    All chunks but the last have the same number of rows, so units that are even in chunks are even in rows.

    :param chunks: number of chunks.
    :param rows: rows of all chunks.
    :param chunks_per_unit: as many in each unit but the last, or more where the units would be too many; None: one, and
        more where there are many small ones.
    :param most: units at most; more than :data:`MOST_UNITS` counts as that.
    """
    most = max(1, min(most, MOST_UNITS))
    if chunks_per_unit is not None and -(-chunks // chunks_per_unit) <= most:
        return [range(first, min(first + chunks_per_unit, chunks)) for first in range(0, chunks, chunks_per_unit)]
    worth = most if chunks_per_unit is not None else max(PARALLEL_UNITS, -(-rows // ROWS_PER_UNIT))
    units = min(chunks, most, worth)
    return [range(chunks * unit // units, chunks * (unit + 1) // units) for unit in range(units)]
