"""Guards of the vault, agreements, closed months, days of 23 and 25 hours, and each check with its defect."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction
from itertools import count
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from scripts.describe_columns import meanings

from billing_aggregator.local.warehouse import ROLE, create_octopus
from billing_aggregator.sql.runner import StatementError, run_script
from tests.conftest import SQL_ROOT
from tests.golden.test_meanings import of_table
from tests.usage.check_cases import AUDITS, PRECHECKS
from tests.usage.model import HOUR, Hour, Platform, Price
from tests.usage.test_against_model import CUSTOMERS, LAST, ORGS
from tests.usage.warehouse import ZONE, night, postings, run_phase, violated, write, write_reading

if TYPE_CHECKING:
    from billing_aggregator.local.postgres import EmbeddedPostgres
    from tests.checks.case import Case

CUSTOMER = CUSTOMERS[0]
GRANT = "insert into usage_vault.agreement values ('G-1', %s, '2026-02-01', '2026-04-01', 100)"
_numbers = count(1)


def steady(first: datetime, hours: int) -> Platform:
    """Return a platform with one app of 1 MB for so many hours at one credit an hour, and one of no customer."""
    platform = Platform(ZoneInfo(ZONE))
    platform.kinds = {("cfapps", "a"): "", ("cfapps", "b"): ""}
    platform.owners = {("cfapps", "a"): CUSTOMER, ("cfapps", "b"): None}
    platform.prices = [Price("cfapps", "", 1_000_000, 1, datetime(2026, 1, 1, tzinfo=UTC), LAST)]
    for step in range(hours):
        values = dict.fromkeys(platform.kinds, Fraction(1))
        platform.readings[first + step * HOUR] = Hour(first + step * HOUR, complete=True, values=values)
    return platform


@pytest.fixture
def started(vault: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """A vault with the last six hours of New York's February and the first six of March, and an agreement."""
    write(vault, steady(datetime(2026, 2, 28, 23, tzinfo=UTC), 12), ORGS)
    vault.execute(GRANT, [CUSTOMER])
    vault.commit()
    return vault


def test_a_reading_at_the_moment_that_a_price_changes(vault: psycopg.Connection[Any]) -> None:
    """The range says which price has its bound: one ends behind the second hour, another begins at the fifth."""
    write(vault, steady(datetime(2026, 3, 2, 10, tzinfo=UTC), 6), ORGS)
    vault.execute("delete from usage_vault.price")
    for microcredits, during in (
        (1, "(2026-03-02 10:00+00, 2026-03-02 11:00+00]"),
        (10, "(2026-03-02 11:00+00, 2026-03-02 14:00+00)"),
        (100, "[2026-03-02 14:00+00,)"),
    ):
        vault.execute("insert into usage_vault.price values ('cfapps', '', 'MB', %s, 1, %s)", [microcredits, during])
    vault.commit()
    night(vault, "2026-03-03")
    found = vault.execute(
        "select microcredits_per_unit, hours from report_oibl.new_usage_rows where customer_id = %s order by 1",
        [CUSTOMER],
    ).fetchall()
    assert found == [(1, 1), (10, 2), (100, 2), (None, 1)]


def test_an_agreement_starts_and_what_is_left_of_it_expires(started: psycopg.Connection[Any]) -> None:
    for day in ("2026-02-01", "2026-03-01", "2026-03-31", "2026-04-01", "2026-04-02"):
        night(started, day)
    assert postings(started) == {f"usage:{CUSTOMER}:2026-02": Fraction(6), f"usage:{CUSTOMER}:2026-03": Fraction(6)}
    assert started.execute(AGREEMENTS).fetchall() == [
        ("agreement:G-1:end", "agreement_end", date(2026, 4, 1), "201", "200", 88),
        ("agreement:G-1:start", "agreement_start", date(2026, 2, 1), "200", "201", 100),
    ]


def test_every_column_of_the_list_has_a_meaning(started: psycopg.Connection[Any]) -> None:
    night(started, "2026-03-01")
    assert of_table(started, "usage_results") == meanings("usage_results")


def test_what_is_late_for_a_closed_month_goes_into_the_first_open_one(started: psycopg.Connection[Any]) -> None:
    started.execute("insert into ledger.closed_month values ('2026-02-01'), ('2026-03-01')")
    night(started, "2026-03-01")
    days = started.execute("select idempotency_key, business_date from ledger.transaction order by 1").fetchall()
    assert days == [("agreement:G-1:start", date(2026, 4, 1)), (f"usage:{CUSTOMER}:2026-02", date(2026, 4, 1))]


@pytest.mark.parametrize(("day", "hours"), [("2026-03-08", 23), ("2026-11-01", 25)])
def test_a_day_with_a_clock_change_has_all_its_hours(vault: psycopg.Connection[Any], day: str, hours: int) -> None:
    midnight = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
    write(vault, steady(midnight, hours), ORGS)
    assert night(vault, "2026-12-01") == {"300_all_assigned": "warn"}
    assert postings(vault) == {f"usage:{CUSTOMER}:{day[:7]}": Fraction(hours)}
    vault.execute("delete from usage_vault.reading where hour = %s", [midnight + 22 * HOUR])
    # The last hour of a longer day was read: the missing one gets an estimate.
    assert night(vault, "2026-12-01") == {"300_all_assigned": "warn"}
    assert postings(vault).get(f"usage:{CUSTOMER}:{day[:7]}:1") == (Fraction(-1) if hours == 23 else None)


def test_a_late_reading_takes_the_place_of_the_estimate(started: psycopg.Connection[Any]) -> None:
    hour = datetime(2026, 3, 1, 2, tzinfo=UTC)
    started.execute("delete from usage_vault.reading where hour = %s", [hour])
    night(started, "2026-03-01")
    estimate = "select periodic, complete, estimated from usage_vault.reading where hour = %s"
    assert started.execute(estimate, [hour]).fetchall() == [(True, False, True)]
    late = steady(hour, 1)
    late.readings[hour].values["cfapps", "a"] = Fraction(3)
    write_reading(started, late, hour)
    assert started.execute(estimate, [hour]).fetchall() == [(True, True, False)]
    night(started, "2026-03-02")
    assert postings(started)[f"usage:{CUSTOMER}:2026-02:1"] == 2


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("insert into usage_vault.price values ('cfapps', '', 'MB', 1, 1, '[2026-05-01, 2026-06-01)')",
         "price_no_overlap"),
        (f"insert into usage_vault.agreement values ('G-2', '{CUSTOMER}', '2026-03-31', '2026-05-01', 1)",
         "agreement_no_overlap"),
        ("insert into usage_vault.reading (taken_at) values ('2026-03-01 02:59:59+00')", "reading_hour_key"),
        ("update usage_vault.measurement set value = -1", "measurement_value_check"),
        ("update usage_vault.measurement set value = 'NaN'", "measurement_value_check"),
        ("update usage_vault.price set unit = 0", "price_unit_check"),
        ("update usage_vault.price set valid_during = 'empty'", "price_valid_during_check"),
    ],
)  # fmt: skip
def test_the_vault_refuses(started: psycopg.Connection[Any], statement: str, constraint: str) -> None:
    with pytest.raises(psycopg.errors.IntegrityError) as refused:
        started.execute(statement.encode())
    assert refused.value.diag.constraint_name == constraint


def test_neighbours_do_not_overlap(started: psycopg.Connection[Any]) -> None:
    started.execute("insert into usage_vault.price values ('cfapps', 'x', 'MB', 1, 1, '[2026-05-01, 2026-06-01)')")
    started.execute("insert into usage_vault.price values ('cfapps', '', 'MB', 1, 1, '[2027-01-01 00:00+00,)')")
    started.execute("insert into usage_vault.agreement values ('G-2', %s, '2026-04-01', '2026-05-01', 1)", [CUSTOMER])


def test_a_posting_by_hand_under_a_usage_key_stops_the_night(started: psycopg.Connection[Any]) -> None:
    night(started, "2026-03-01")
    run_phase(started, "init", "2026-03-02")
    started.execute("update report_oibl.new_usage_amounts set microcredits = microcredits + 1")
    started.commit()
    text = (SQL_ROOT / "post/usage/030_compare.sql").read_text(encoding="utf-8")
    with pytest.raises(StatementError, match="6000000 microcredits are posted, the usage costs 6000001"):
        run_script(started, text, {"business_date": "2026-03-02"})


@pytest.mark.parametrize("case", AUDITS, ids=lambda case: case.name)
def test_a_defect_of_the_books_is_noticed(postgres: EmbeddedPostgres, ready: str, case: Case) -> None:
    found = _with_defect(postgres, ready, case, "audits")
    found.setdefault("300_all_assigned", "warn")
    kinds = {name: "fail" if name.startswith("2") else "warn" for name in case.expected}
    assert found == kinds | {"300_all_assigned": "warn"}


@pytest.mark.parametrize("case", PRECHECKS, ids=lambda case: case.name)
def test_a_defect_of_the_sources_is_noticed(postgres: EmbeddedPostgres, ready: str, case: Case) -> None:
    assert _with_defect(postgres, ready, case, "prechecks") == dict.fromkeys(case.expected, "fail")


def test_every_check_has_a_case(postgres: EmbeddedPostgres, ready: str) -> None:
    files = {path.stem for phase in ("prechecks", "audits") for path in (SQL_ROOT / phase / "usage").glob("*.sql")}
    assert files == {name for case in (*AUDITS, *PRECHECKS) for name in case.expected}
    nothing = AUDITS[0].__class__("nothing", "", set())
    assert _with_defect(postgres, ready, nothing, "audits") == {"300_all_assigned": "warn"}
    assert _with_defect(postgres, ready, nothing, "prechecks") == {}


@pytest.fixture(scope="module")
def ready(postgres: EmbeddedPostgres, usage_template: str) -> str:
    """A database behind a night: posted, with the candidates."""
    create_octopus(postgres, "usage_ready", template=usage_template)
    with psycopg.connect(postgres.dsn("usage_ready", ROLE)) as connection:
        write(connection, steady(datetime(2026, 2, 28, 23, tzinfo=UTC), 12), ORGS)
        connection.execute(GRANT, [CUSTOMER])
        night(connection, "2026-03-01")
        run_phase(connection, "init", "2026-03-01")
    return "usage_ready"


def _with_defect(postgres: EmbeddedPostgres, ready: str, case: Case, phase: str) -> dict[str, str]:
    """Return the violated checks of a copy with the defect, planted with the guards off."""
    name = f"usage_copy_{next(_numbers)}"
    create_octopus(postgres, name, template=ready)
    with psycopg.connect(postgres.dsn(name), autocommit=True) as admin:
        admin.execute("set session_replication_role = replica")
        if case.defect:
            admin.execute(case.defect.encode())
    with psycopg.connect(postgres.dsn(name, ROLE)) as connection:
        found = violated(connection, phase)
    with psycopg.connect(postgres.dsn(), autocommit=True) as admin:
        admin.execute(f'drop database "{name}" with (force)'.encode())
    return found


AGREEMENTS = """
select idempotency_key, posted.kind, business_date, debit_account.code, credit_account.code, debit.amount
from ledger.transaction as posted
join ledger.entry as debit on debit.transaction_id = posted.transaction_id and debit.side = 'debit'
join ledger.entry as credit on credit.transaction_id = posted.transaction_id and credit.side = 'credit'
join ledger.account as debit_account on debit_account.account_id = debit.account_id
join ledger.account as credit_account on credit_account.account_id = credit.account_id
where posted.kind like 'agreement%' order by 1
"""
