"""Dunning that is missing leaves its columns empty; an old business date shows the locks of its day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import SQL_ROOT
from tests.golden.build import run_phases

if TYPE_CHECKING:
    import psycopg

DUNNING = "dunning_lock_until, dunning_lock_reason, dunning_scenario, dunning_level, dunning_status"


@pytest.mark.parametrize("schema", ["receivablemanagement_vault", "dunning_vault", "dunninglock_vault"])
@pytest.mark.parametrize("how", ["drop schema {0} cascade", "revoke all on all tables in schema {0} from public, {1}"])
def test_missing_dunning_schema_gives_no_dunning(
    warehouse: psycopg.Connection[Any], vault: psycopg.Connection[Any], schema: str, how: str
) -> None:
    vault.execute(how.format(schema, "billing_aggregator"))
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release")
    shown = warehouse.execute(f"select count(*), count(coalesce({casts(DUNNING)})) from report_oibl.tripica_results")
    assert shown.fetchone() == (1538, 0)


def test_no_case_loses_the_locks_too(warehouse: psycopg.Connection[Any], vault: psycopg.Connection[Any]) -> None:
    vault.execute("truncate receivablemanagement_vault.case_receivables")
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release")
    shown = warehouse.execute(f"select count(coalesce({casts(DUNNING)})) from report_oibl.tripica_results")
    assert shown.fetchone() == (0,)


def casts(columns: str) -> str:
    return ", ".join(f"{column}::text" for column in columns.split(", "))


@pytest.mark.parametrize(
    ("as_of", "shown"),
    [("2022-02-01", True), ("2022-02-28", True), ("2022-03-01", False)],
)
def test_an_old_business_date_shows_the_locks_of_that_day(
    warehouse: psycopg.Connection[Any], as_of: str, shown: bool
) -> None:
    """The sample's lock expires at 2022-02-28 23:09:52 UTC, on 1 March in Berlin: its UTC day is the last one."""
    run_phases(warehouse, SQL_ROOT, "enercity", "init", settings={"as_of": as_of})
    for table in ("base_data_dunning", "new_tripica_results"):
        found = warehouse.execute(
            f"select count(*) from report_oibl.{table} where dunning_lock_until = '2022-02-28'"
        ).fetchone()
        assert (found is not None and found[0] > 0) is shown, table
