"""The rows that may differ, divided by a hash of their key into parts of which each fits into memory."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing_aggregator.publications.compare.engine import row_digest, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing_aggregator.publications.compare.engine import Engine, Reading
    from billing_aggregator.publications.compare.table import Table

#: A part of both sides has this share of the memory: what is made of it while it is compared needs the rest.
PART_SHARE = 8
#: While parts are written, so much of the memory holds rows that no file has yet.
WAITING_SHARE = 16
MOST_PARTS, LEAST_WAITING_ROWS, MOST_WAITING_ROWS = 1024, 64, 8192


@dataclass(frozen=True)
class Parts:
    """Files of rows in the engine's folder, by side and part.

    :param number: of the parts.
    :param waiting_rows: rows of a part that a thread collects before it writes them.
    """

    engine: Engine
    table: Table
    number: int
    waiting_rows: int

    @classmethod
    def of(cls, engine: Engine, table: Table, *, rows: int, row_bytes: int) -> Parts:
        """Return parts for so many rows of both sides together.

        :param row_bytes: of a row, on average.
        """
        number = min(MOST_PARTS, 1 + rows * row_bytes * PART_SHARE // engine.memory_bytes)
        waiting = engine.memory_bytes // WAITING_SHARE // (number * engine.threads * max(row_bytes, 1))
        return cls(engine, table, number, min(max(waiting, LEAST_WAITING_ROWS), MOST_WAITING_ROWS))

    def write(self, side: str, source: Reading, digests: str | None) -> None:
        """Read a side and write its rows.

        :param digests: only rows whose digest is in the column ``h`` of this table.
        """
        self.engine.run(f"set partitioned_write_flush_threshold = {self.waiting_rows}")
        self.engine.run(f"set partitioned_write_max_open_files = {self.number + 1}")
        key = self.table.key_of(source.values)
        chosen = f" inner join {digests} as s on {source.digest} = s.h" if digests else ""
        self.engine.run(
            f"copy (select {source.columns}, hash({', '.join(key)}) % {self.number} as part from {source.source}"
            f"{chosen}) to {text(str(self._folder(side)))} (format parquet, partition_by (part))"
        )

    def each(self) -> Iterator[None]:
        """Make the tables ``part_a`` and ``part_b`` of one part after the other; ``k`` is the digest of the key."""
        columns = [f"c{number}" for number in range(len(self.table.columns))]
        key = row_digest(self.table.key_of(columns))
        nothing = ", ".join(f"null::varchar as {column}" for column in columns)
        for number in range(self.number):
            folders = {side: self._folder(side) / f"part={number}" for side in "ab"}
            if not any(folder.is_dir() for folder in folders.values()):
                continue
            for side, folder in folders.items():
                files = f"read_parquet({text(str(folder / '*.parquet'))}, hive_partitioning = false)"
                rows = files if folder.is_dir() else f"(select {nothing} where false)"
                chosen = ", ".join(columns)
                self.engine.run(f"create or replace temp table part_{side} as select {chosen}, {key} as k from {rows}")
                shutil.rmtree(folder, ignore_errors=True)
            yield

    def _folder(self, side: str) -> Path:
        return self.engine.folder / f"parts-{side}"
