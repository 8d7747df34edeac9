"""The night's scripts and a model with exact fractions agree on any readings, whenever they come."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing_aggregator.local.warehouse import ROLE, create_octopus
from tests.usage.model import HOUR, Hour, Platform, Price, post
from tests.usage.warehouse import ZONE, empty, night, postings, write, write_reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing_aggregator.local.postgres import EmbeddedPostgres

# More of them: USAGE_EXAMPLES=300 pytest tests/usage/test_against_model.py
EXAMPLES = int(os.environ.get("USAGE_EXAMPLES", "12"))
# New York's March begins at 05:00 UTC; its clock changes on 8 March.
MIDNIGHT = datetime(2026, 3, 1, 5, tzinfo=UTC)
START = MIDNIGHT - 8 * HOUR
CUSTOMERS = ("00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002")
NAMES = ("a", "b", "c", "d", "e")
ORGS = {name: f"00000000-0000-4000-9000-00000000000{number}" for number, name in enumerate(NAMES)}
VALUES = st.sampled_from([Fraction(0), Fraction(1), Fraction(64), Fraction(1025), Fraction(3, 8)])
LAST = datetime(2027, 1, 1, tzinfo=UTC)


@st.composite
def platforms(draw: st.DrawFn) -> Platform:
    """Draw sixteen hours around the end of February: some missed, some incomplete, some resources come and go."""
    platform = Platform(ZoneInfo(ZONE))
    for name in NAMES:
        meter = "cfapps" if name < "d" else "cfservices"
        platform.kinds[meter, name] = draw(st.sampled_from(["", "plan"])) if meter == "cfservices" else ""
        platform.owners[meter, name] = draw(st.sampled_from([None, *CUSTOMERS]))
    for step in range(16):
        if not draw(st.integers(0, 2)):
            continue
        hour = START + step * HOUR
        taken_at = hour + timedelta(minutes=draw(st.integers(0, 59)))
        values = {key: draw(VALUES) for key in platform.kinds if draw(st.booleans())}
        platform.readings[hour] = Hour(taken_at, draw(st.integers(0, 3)) > 0, values)
    changed = START + draw(st.integers(0, 16)) * HOUR
    ratios = st.tuples(st.sampled_from([0, 1, 3, 7, 1_000_003]), st.sampled_from([1, 2, 3, 1024]))
    first, second, plan = draw(ratios), draw(ratios), draw(ratios)
    platform.prices = [
        Price("cfapps", "", *first, START - HOUR, changed),
        Price("cfapps", "", *second, changed, LAST),
        Price("cfservices", "plan", *plan, START, LAST),
    ]
    platform.prices = [price for price in platform.prices if price.since < price.until]
    return platform


@pytest.fixture(scope="module")
def database(postgres: EmbeddedPostgres, usage_template: str) -> Iterator[tuple[Any, Any]]:
    """A session of the tables' owner, and one of a superuser that can empty them."""
    create_octopus(postgres, "usage_model", template=usage_template)
    with (
        psycopg.connect(postgres.dsn("usage_model", ROLE)) as owner,
        psycopg.connect(postgres.dsn("usage_model")) as admin,
    ):
        yield owner, admin


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])  # fmt: skip
@given(platform=platforms(), late=st.integers(0, 15), assigned=st.sampled_from([None, *CUSTOMERS]))
def test_nights_post_what_the_model_posts(
    database: tuple[Any, Any], platform: Platform, late: int, assigned: str | None
) -> None:
    owner, admin = database
    empty(admin)
    hour = START + late * HOUR
    held_back = platform.readings.pop(hour, None)
    write(owner, platform, ORGS)
    expected: dict[str, Fraction] = {}
    for day in (date(2026, 2, 28), date(2026, 3, 1), date(2026, 4, 1)):
        assert "fail" not in night(owner, day.isoformat()).values()
        post(expected, platform.months(), day)
        assert postings(owner) == expected
        assert lines(owner) == platform.lines()
    # A reading and a customer that come late.
    if held_back:
        platform.readings[hour] = held_back
        write_reading(owner, platform, hour)
    platform.owners["cfapps", "a"] = assigned
    if assigned:
        owner.execute("insert into usage_vault.customer values (%s, 'Late') on conflict do nothing", [assigned])
    owner.execute("update usage_vault.organization set customer_id = %s where org_id = %s", [assigned, ORGS["a"]])
    owner.commit()
    for day in (date(2026, 4, 2), date(2026, 4, 2)):
        assert "fail" not in night(owner, day.isoformat()).values()
        post(expected, platform.months(), day)
        assert postings(owner) == expected
        assert lines(owner) == platform.lines()
    assert owner.execute(BALANCES).fetchall() == []
    owner.commit()


def lines(connection: psycopg.Connection[Any]) -> dict[tuple[str, str, str, datetime], int]:
    """Return the report's rows as the model has them."""
    found = connection.execute(LINES).fetchall()
    connection.commit()
    return {
        (str(owner), month, name, since.astimezone(UTC)): int(amount) for owner, month, name, since, amount in found
    }


LINES = """
select r.customer_id, r.month, r.resource_id, lower(u.valid_during), r.microcredits
from (
    select *, row_number() over (partition by customer_id, month, resource_id order by ctid) as place
    from report_oibl.usage_results
) as r
join (
    select *, row_number() over (partition by customer_id, month, resource_id order by lower(valid_during)) as place
    from report_oibl.new_usage_rows where customer_id is not null and valid_during is not null
) as u on u.customer_id = r.customer_id and to_char(u.month, 'YYYY-MM') = r.month
    and u.resource_id = r.resource_id and u.place = r.place
"""
BALANCES = "select currency from ledger.trial_balance group by currency having sum(balance) <> 0"
