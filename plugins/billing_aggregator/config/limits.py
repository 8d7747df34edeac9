"""Limits of exports, for the configuration and the exports themselves."""

from __future__ import annotations

MIB = 1 << 20
#: Rows of one file, wherever ``max_rows_per_file`` is set.
MOST_ROWS_PER_FILE = 100_000_000
#: Files of one export: their numbers have four digits, so that names sort in the order of the rows, and the plan, which
#: each task reads whole, has a few megabytes at most.
MOST_FILES = 10_000
#: The largest part size; 10,000 of them are below S3's limit of 5 TiB for one object.
LARGEST_PART = 512 * MIB
