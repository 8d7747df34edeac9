"""Limits of exports that configuration and exports share."""

from __future__ import annotations

MIB = 1 << 20
#: Rows of one file: what every place that can set ``max_rows_per_file`` allows.
MOST_ROWS_PER_FILE = 100_000_000
#: Files of one export. Their numbers have four digits then, so that they sort by name in the order of the rows; and the
#: plan, which each task reads whole, stays at a few megabytes.
MOST_FILES = 10_000
#: The largest part size that an export may be told; 10,000 of them stay below S3's 5 TiB for one object.
LARGEST_PART = 512 * MIB
