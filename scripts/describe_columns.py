"""Writes what the columns mean into docs/list-columns.md: ``make describe``.

The one source is SQL: the ``comment on column`` of the scripts that build the published tables. The warehouse has the
comments, the manifest takes them from there, this page takes them from the scripts.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "list-columns.md"
SCRIPTS = {
    "tripica_results": ROOT / "include/sql/init/tripica/080_tripica_results.sql",
    "bookkeeper_results": ROOT / "include/sql/init/bookkeeper/040_sap_bookings.sql",
    "orders_results": ROOT / "include/sql/init/orders/010_orders_results.sql",
    "usage_results": ROOT / "include/sql/init/usage/040_usage_results.sql",
}
COMMENT = re.compile(r"^comment on column report_oibl\.new_(\w+)\.(\w+) is\s+'((?:[^']|'')*)';$", re.MULTILINE)
ROW = re.compile(r"^\| `(\w+)` \| [^|]+ \|", re.MULTILINE)
BEGIN, END = "<!-- begin {}: made by scripts/describe_columns.py -->\n", "<!-- end {} -->"


def meanings(table: str) -> dict[str, str]:
    """Return column -> meaning of a published table, in the order of its script."""
    found = COMMENT.findall(SCRIPTS[table].read_text("utf-8"))
    return {column: text.replace("''", "'") for name, column, text in found if name == table}


def described(page: str) -> str:
    """Return *page* with the scripts' words: in the table of the list's columns, and in the tables of all others."""
    listed = meanings("tripica_results")
    shown = set(ROW.findall(_without_tables(page)))
    page = ROW.sub(lambda row: f"| `{row[1]}` | {listed[row[1]]} |" if row[1] in listed else row[0], page)
    for table in SCRIPTS:
        words = meanings(table)
        if table == "tripica_results":
            words = {name: text for name, text in words.items() if name not in shown}
        page = _table(page, table, words)
    return page


def _without_tables(page: str) -> str:
    for name in SCRIPTS:
        before, _, rest = page.partition(BEGIN.format(name))
        page = before + rest.partition(END.format(name))[2]
    return page


def _table(page: str, name: str, columns: dict[str, str]) -> str:
    before, begin, rest = page.partition(BEGIN.format(name))
    _, end, after = rest.partition(END.format(name))
    lines = ["| column | meaning |", "|---|---|", *(f"| `{column}` | {text} |" for column, text in columns.items())]
    return before + begin + "\n" + "\n".join(lines) + "\n\n" + end + after


def main() -> None:
    """Write the page."""
    PAGE.write_text(described(PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
