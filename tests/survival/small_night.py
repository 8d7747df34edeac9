"""The scripts of a small night that has every phase, over a table of postings that the tests fill for each day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.conftest import SQL_ROOT
from tests.survival.kill_points import FILES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SYSTEM = "bookkeeper"
#: Rows of each file: an export of more rows has more files.
ROWS_PER_FILE = 40
MOST_ROWS = ROWS_PER_FILE * (FILES + 2)
#: The source: what a claim amounts to, as the warehouse knows it now.
SOURCE = """
create schema vault;
create table vault.claim (id integer primary key, account text not null, amount numeric(12, 2) not null);
grant usage on schema vault to billing_aggregator;
grant select on vault.claim to billing_aggregator;
"""
SCRIPTS: Mapping[str, str] = {
    "schema/bookkeeper/010_books.sql": (
        "create schema if not exists books;\n"
        "create table books.posting (\n"
        "    claim integer not null,\n    line integer not null,\n    business_date date not null,\n"
        "    amount numeric(12, 2) not null,\n    primary key (claim, line)\n);\n"
    ),
    "prechecks/bookkeeper/100_source.sql": (
        "-- fail: there are claims\nselect 'no claims' as reason where not exists (select from vault.claim)\n"
    ),
    "init/bookkeeper/010_schema.sql": "create schema if not exists report_oibl;\n",
    "init/bookkeeper/020_list.sql": (
        "drop table if exists report_oibl.new_bookkeeper_results, report_oibl.between;\n"
        "create table report_oibl.between as select id, account, amount from vault.claim;\n"
        "create table report_oibl.new_bookkeeper_results as\n"
        "select id, account, amount, current_setting('bda.business_date')::date as list_day\n"
        "from report_oibl.between order by id;\n"
    ),
    "audits/bookkeeper/200_sum.sql": (
        "-- fail: the list adds up to its sources\n"
        "select listed.total from (select sum(amount) as total from report_oibl.new_bookkeeper_results) as listed,\n"
        "    (select sum(amount) as total from report_oibl.between) as source\n"
        "where listed.total is distinct from source.total\n"
    ),
    # What a claim has changed by since it was posted last: twice in one night would show.
    "post/bookkeeper/010_books.sql": (
        "insert into books.posting\n"
        "select result.id, coalesce(max(posting.line), 0) + 1, current_setting('bda.business_date')::date,\n"
        "    result.amount - coalesce(sum(posting.amount), 0)\n"
        "from report_oibl.bookkeeper_results as result left join books.posting on result.id = posting.claim\n"
        "group by result.id, result.amount\n"
        "having result.amount <> coalesce(sum(posting.amount), 0);\n"
    ),
    "archive/customer/claims.sql": (
        "-- system: bookkeeper\n"
        "select account, count(*) as claims, sum(amount) as amount from report_oibl.bookkeeper_results\n"
        "group by account order by account\n"
    ),
    "cleanup/bookkeeper/010_drop.sql": "drop table if exists report_oibl.between;\n",
}
#: Of the project itself.
REAL = (
    "release/bookkeeper/010_publish_bookkeeper_results.sql",
    "history/bookkeeper/010_keep_business_day.sql",
)


def all_scripts() -> dict[str, str]:
    """Return the path below the SQL root -> text of each script."""
    return {**SCRIPTS, **{name: (SQL_ROOT / name).read_text(encoding="utf-8") for name in REAL}}


def write(folder: Path) -> Path:
    """Write the scripts below *folder* and return it."""
    for name, text in all_scripts().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def moment(number: int) -> str:
    """Return when a round's night is due, each a day behind the one before: readers get no older day."""
    return (datetime(2026, 1, 1, 2, tzinfo=UTC) + timedelta(days=number)).isoformat()


def fill(rows: int, factor: int, changed: int = 0) -> str:
    """Return SQL that makes the vault's state: so many claims, amounts by *factor*, every *changed*-th corrected."""
    correction = f"case when g % {changed} = 0 then 1.11 else 0 end" if changed else "0"
    return (
        "truncate vault.claim; insert into vault.claim "
        f"select g, 'account ' || g % 7, g * {factor} + 0.25 + {correction} from generate_series(1, {rows}) as g;"
    )
