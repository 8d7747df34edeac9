"""Which tables a script says that it reads: the lines ``-- Sources: ...`` of its heading."""

from __future__ import annotations

import re

from billing_aggregator.sql.report_schema import REPORT_SCHEMA

BEGIN = re.compile(r"-- Sources:\s*(?P<text>.*)")
NEXT = re.compile(r"-- [A-Z][a-z]+:")
MORE = re.compile(r"--\s+(?P<text>\S.*)")
NAME = re.compile(r"(?:(?P<schema>[a-z_]\w*)\.)?(?P<table>[a-z_]\w*)")
# Whole schemas, the server's own catalogue, and a script that reads nothing.
NO_TABLE = re.compile(r"[a-z_]+_vault|none|pg_\w+")


def heading_sources(text: str) -> tuple[str, ...]:
    """Return the tables that the heading of *text* names as its sources, as ``schema.table``, in its order.

    A name without a schema has that of the name before it, up to a semicolon; at first it is ``report_oibl``. What
    stands in brackets, words of a sentence, and whole schemas are no tables.
    """
    found: list[str] = []
    for group in re.sub(r"\([^)]*\)", "", _sources(text)).split(";"):
        schema = REPORT_SCHEMA
        for part in group.split(","):
            name = NAME.fullmatch(part.strip().rstrip("."))
            if name is None or (name["schema"] is None and NO_TABLE.fullmatch(name["table"])):
                continue
            schema = name["schema"] or schema
            found.append(f"{schema}.{name['table']}")
    return tuple(dict.fromkeys(found))


def _sources(text: str) -> str:
    """Return what stands behind ``Sources:``, its further lines with it."""
    lines: list[str] = []
    for line in text.splitlines():
        begin = BEGIN.match(line)
        if begin:
            lines = [begin["text"]]
        elif lines and (NEXT.match(line) or not MORE.match(line)):
            break
        elif lines:
            lines.append(line.removeprefix("--").strip())
    return " ".join(lines)
