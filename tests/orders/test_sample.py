"""The sample's orders give exactly the expected rows; no audit fails on them, and each check notices its defect."""

from __future__ import annotations

import csv
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from billing_aggregator.local.warehouse import ROLE, create_octopus
from billing_aggregator.sql.checks import parse_check, run_check
from billing_aggregator.sql.runner import run_script
from billing_aggregator.sql.scripts import find_scripts
from tests.conftest import ROOT, SQL_ROOT
from tests.orders import sample
from tests.orders.check_cases import AUDITS, EXPECTED_WARNINGS, PRECHECKS
from tests.orders.warehouse import in_database, in_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from tests.checks.case import Case

EXPECTED = Path(__file__).parent / "expected"
_numbers = count(1)


@pytest.fixture(scope="module")
def posted(postgres: EmbeddedPostgres, orders_template: str) -> str:
    """A database with the sample posted and the candidate of the list."""
    create_octopus(postgres, "orders_sample", template=orders_template)
    with psycopg.connect(postgres.dsn("orders_sample", ROLE)) as connection:
        sample.load(connection)
        for script in find_scripts(SQL_ROOT, "init", "orders", "webshop"):
            run_script(connection, script.read(), {})
        connection.execute("create table report_oibl.orders_results as table report_oibl.new_orders_results")
        connection.commit()
    return "orders_sample"


@pytest.fixture
def copy(postgres: EmbeddedPostgres, posted: str) -> Iterator[Callable[[str], str]]:
    """Return a function that copies the database, plants a defect with the guards off, and returns the copy's name."""
    names: list[str] = []

    def make(defect: str) -> str:
        names.append(f"orders_copy_{next(_numbers)}")
        create_octopus(postgres, names[-1], template=posted)
        with psycopg.connect(postgres.dsn(names[-1]), autocommit=True) as admin:
            admin.execute("set session_replication_role = replica")
            if defect:
                admin.execute(defect.encode())
        return names[-1]

    yield make
    with psycopg.connect(postgres.dsn(), autocommit=True) as admin:
        for name in names:
            admin.execute(f'drop database "{name}" with (force)'.encode())


def violated(postgres: EmbeddedPostgres, database: str, phase: str) -> dict[str, str]:
    """Return the violated checks of *phase* with their severity."""
    found: dict[str, str] = {}
    with psycopg.connect(postgres.dsn(database, ROLE)) as connection:
        for script in find_scripts(SQL_ROOT, phase, "orders", "webshop"):
            result = run_check(connection, parse_check(script.read(), script.path), {})
            if result.violations:
                found[script.name] = result.severity
    return found


def test_files_are_those_of_the_program(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "scripts" / "sample_orders.py", tmp_path], check=True)
    for path in sample.FOLDER.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_the_model_gives_the_same_books(postgres: EmbeddedPostgres, posted: str) -> None:
    expected = in_model(sample.modelled())
    with psycopg.connect(postgres.dsn(posted, ROLE)) as connection:
        found = in_database(connection)
    for what, value in expected.items():
        assert found[what] == value, what
    assert {"OPEN", "ON_HOLD", "PAID", "PARTIALLY_PAID", "CANCELLED"} <= {row[7] for row in found["invoices"].values()}
    assert set(found["rejected"].values()) == {"order already placed", "payment currency", "payment amount"}
    assert found["waiting"]


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("orders_results", "select * from report_oibl.new_orders_results"),
        ("invoices", "archive/billing/invoices.sql"),
        ("ledger_entries", "archive/billing/ledger_entries.sql"),
    ],
)
def test_expected_rows(postgres: EmbeddedPostgres, posted: str, name: str, query: str) -> None:
    text = (SQL_ROOT / query).read_text(encoding="utf-8") if query.endswith(".sql") else query
    with (EXPECTED / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        expected = list(csv.reader(file))
    with psycopg.connect(postgres.dsn(posted, ROLE)) as connection:
        connection.execute("select set_config('bda.business_date', '2026-01-01', false)")
        cursor = connection.execute(text.encode())
        assert cursor.description is not None
        columns = [column.name for column in cursor.description]
        found: list[list[Any]] = [["" if value is None else str(value) for value in row] for row in cursor.fetchall()]
    kept = [place for place, column in enumerate(columns) if column != "transaction_id"]
    assert [columns[place] for place in kept] == expected[0]
    assert [[row[place] for place in kept] for row in found] == expected[1:]


def test_only_what_the_sample_lacks_is_told(postgres: EmbeddedPostgres, copy: Callable[[str], str]) -> None:
    database = copy("")
    assert violated(postgres, database, "audits") == {}
    assert violated(postgres, database, "prechecks") == dict.fromkeys(EXPECTED_WARNINGS, "warn")


@pytest.mark.parametrize("case", AUDITS, ids=lambda case: case.name)
def test_a_defect_of_the_books_is_noticed(postgres: EmbeddedPostgres, copy: Callable[[str], str], case: Case) -> None:
    assert violated(postgres, copy(case.defect), "audits") == dict.fromkeys(case.expected, "fail")


@pytest.mark.parametrize("case", PRECHECKS, ids=lambda case: case.name)
def test_a_defect_of_the_sources_is_noticed(postgres: EmbeddedPostgres, copy: Callable[[str], str], case: Case) -> None:
    assert set(violated(postgres, copy(f"{CLEAN}{case.defect}"), "prechecks")) == case.expected


def test_every_check_has_a_case() -> None:
    files = {path.stem for phase in ("prechecks", "audits") for path in (SQL_ROOT / phase / "orders").glob("*.sql")}
    assert files == {name for case in (*AUDITS, *PRECHECKS) for name in case.expected}


CLEAN = """
delete from orders_vault.rejected_event;
delete from billing.waiting_event;
update billing.invoices set status = 'CANCELLED' where status = 'ON_HOLD';
"""
