"""The check runner: header lines, bounded sample, read-only transaction, settings; the same on both drivers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import psycopg2
import pytest

from billing_aggregator.sql.checks import SAMPLE_ROWS, Check, CheckError, CheckResult, parse_check, run_check
from billing_aggregator.sql.runner import StatementError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing_aggregator.local.postgres import EmbeddedPostgres

SOURCE = Path("include/sql/audits/x/100_a.sql")


@pytest.fixture(params=[psycopg.connect, psycopg2.connect], ids=["psycopg3", "psycopg2"])
def connection(request: pytest.FixtureRequest, postgres: EmbeddedPostgres) -> Iterator[Any]:
    opened = request.param(postgres.dsn())
    yield opened
    opened.close()


def check(query: str, header: str = "-- fail: it holds") -> Check:
    return parse_check(f"{header}\n{query}", SOURCE)


@pytest.mark.parametrize("severity", ["fail", "warn", "info"])
def test_header_gives_severity_and_title(severity: str) -> None:
    parsed = check("-- Purpose: a test.\nselect 1;\n", f"-- {severity}: debit is credit: always")
    assert (parsed.severity, parsed.title, parsed.needs) == (severity, "debit is credit: always", ())
    assert parsed.query.endswith("select 1")


def test_second_line_names_needed_tables() -> None:
    assert check("-- needs: a_vault.b, c.d_1\nselect 1").needs == ("a_vault.b", "c.d_1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the first line of a check is '-- fail: <what must hold>'"),
        ("select 1", "not 'select 1'"),
        ("-- error: x\nselect 1", "not '-- error: x'"),
        ("-- fail:\nselect 1", "not '-- fail:'"),
        ("-- Fail: x\nselect 1", "not '-- Fail: x'"),
        ("\n-- fail: x\nselect 1", "not ''"),
        ("-- fail: x\n-- needs: table\nselect 1", "line 2 is '-- needs: <schema>.<table>, ...', not '-- needs: table'"),
        ("-- fail: x\n-- needs: a.b,c.d\nselect 1", "line 2 is"),
        ("-- fail: x\n-- Purpose: nothing\n;", "there is no SELECT below the comments"),
    ],
)
def test_bad_header_names_file_and_way_out(text: str, said: str) -> None:
    with pytest.raises(CheckError) as error:
        parse_check(text, SOURCE)
    assert str(error.value).startswith(f"{SOURCE}: ")
    assert said in str(error.value)


def test_no_row_is_a_pass(connection: Any) -> None:
    assert run_check(connection, check("select 1 as number where false")) == CheckResult(
        "fail", "it holds", 0, ("number",), ()
    )


def test_rows_are_counted_and_sampled_as_text(connection: Any) -> None:
    query = """
    with numbers as (select generate_series(1, 1000) as number) -- a comment at the end
    select number, number / 4.0 as quarter, null as nothing, '100 %s' as text from numbers order by number desc; """
    result = run_check(connection, check(query))
    assert result.violations == 1000
    assert result.columns == ("number", "quarter", "nothing", "text")
    assert len(result.sample) == SAMPLE_ROWS
    assert result.sample[0] == ("1000", "250.0000000000000000", None, "100 %s")


def test_settings_hold_for_the_check_only(connection: Any) -> None:
    query = "select current_setting('bda.as_of', true) as as_of"
    assert run_check(connection, check(query), {"as_of": "2026-01-01"}).sample == (("2026-01-01",),)
    assert run_check(connection, check(query)).sample in {((None,),), (("",),)}


def test_a_check_cannot_write(connection: Any) -> None:
    with pytest.raises(StatementError, match="read-only transaction"):
        run_check(connection, check("select lo_create(0) as large_object"))


def test_connection_is_usable_after_an_error(connection: Any) -> None:
    with pytest.raises(StatementError, match="does not exist") as caught:
        run_check(connection, check("select * from nowhere.nothing"))
    assert isinstance(caught.value.__cause__, (psycopg.errors.UndefinedTable, psycopg2.errors.UndefinedTable))
    assert run_check(connection, check("select 1 as number")).violations == 1


def test_missing_tables_skip_the_check(connection: Any) -> None:
    needing = "-- needs: pg_catalog.pg_class, nowhere.nothing, pg_catalog.nothing\nselect * from nowhere.nothing"
    result = run_check(connection, check(needing))
    assert (result.missing, result.violations) == (("nowhere.nothing", "pg_catalog.nothing"), 0)
    assert run_check(connection, check("-- needs: pg_catalog.pg_class\nselect 1 as number")).violations == 1


def test_autocommit_is_refused(connection: Any) -> None:
    connection.rollback()
    connection.autocommit = True
    with pytest.raises(ValueError, match="must not be in autocommit mode"):
        run_check(connection, check("select 1 as number"))
