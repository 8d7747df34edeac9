"""Every exported column has a meaning: in the scripts, in the warehouse, on the page; all in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from scripts.describe_columns import PAGE, SCRIPTS, described, meanings

from billing_aggregator.config.load import load_client
from billing_aggregator.publications.keys import defined_key
from tests.conftest import SQL_ROOT
from tests.golden.build import run_phases

if TYPE_CHECKING:
    import psycopg

COLUMNS = """
select attname, col_description(attrelid, attnum) from pg_attribute
where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum
"""


def of_table(warehouse: psycopg.Connection[Any], name: str) -> dict[str, str | None]:
    return dict(warehouse.execute(COLUMNS, [f"report_oibl.{name}"]).fetchall())


def test_the_warehouse_has_the_scripts_words_for_every_column(warehouse: psycopg.Connection[Any]) -> None:
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release", settings={"run_id": "first"})
    for name in ("tripica_results", "bookkeeper_results"):
        assert of_table(warehouse, name) == meanings(name)
        assert all(meanings(name).values())
    view = of_table(warehouse, "oibl_customer")
    assert len(view) == 33
    assert view.items() <= meanings("tripica_results").items()


@pytest.mark.parametrize(
    ("export", "table"),
    [
        ("customer/oibl", "oibl_customer"),
        ("tripica_results", "tripica_results"),
        ("bookkeeper_results", "bookkeeper_results"),
    ],
)
def test_the_defined_key_of_each_export_has_columns_of_it(
    warehouse: psycopg.Connection[Any], export: str, table: str
) -> None:
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release", settings={"run_id": "first"})
    key = defined_key(load_client("enercity", "local"), export)
    assert key
    assert set(key) <= set(of_table(warehouse, table))


def test_the_page_has_the_scripts_words() -> None:
    page = PAGE.read_text("utf-8")
    assert page == described(page), "stale: run make describe"
    for table in SCRIPTS:
        for column, text in meanings(table).items():
            assert f"| `{column}` | {text} |" in page


def test_a_stale_page_is_noticed() -> None:
    page = PAGE.read_text("utf-8").replace("| contract account;", "| another thing;")
    assert page != described(page)
    assert described(page) == PAGE.read_text("utf-8")
