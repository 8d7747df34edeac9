"""The scenarios of monthly_charges.feature on a real warehouse."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pytest_bdd import given, parsers, scenarios, then, when

from tests.usage.test_against_model import CUSTOMERS, ORGS
from tests.usage.warehouse import ZONE, night, postings

if TYPE_CHECKING:
    import psycopg

scenarios("monthly_charges.feature")


def at(local: str) -> datetime:
    """Return the instant of a local time in New York."""
    return datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(ZONE))


@given(parsers.parse('an app of 512 MB of the customer "{name}" at 1 credit for 1024 MB an hour from "{day}"'))
def an_app(vault: psycopg.Connection[Any], name: str, day: str) -> None:
    vault.execute("insert into usage_vault.customer values (%s, %s)", [CUSTOMERS[0], name])
    vault.execute("insert into usage_vault.organization values (%s, 'parks', %s)", [ORGS["a"], CUSTOMERS[0]])
    vault.execute("insert into usage_vault.resource values ('cfapps', 'a', '', 's', %s, 'a')", [ORGS["a"]])
    row = [1_000_000, 1024, at(day)]
    vault.execute("insert into usage_vault.price values ('cfapps', '', 'MB', %s, %s, tstzrange(%s, null))", row)


@given(parsers.parse('readings every hour from "{first}" to "{last}" in New York'))
def readings(vault: psycopg.Connection[Any], first: str, last: str) -> None:
    vault.execute(
        "insert into usage_vault.reading (taken_at) select * from generate_series(%s, %s, interval '1 hour')",
        [at(first), at(last)],
    )
    vault.execute("insert into usage_vault.measurement select reading_id, 'cfapps', 'a', 512 from usage_vault.reading")
    vault.commit()


@given(parsers.parse('the reading of "{missed}" was missed and the app had {size:d} MB at "{hour}"'))
def missed(vault: psycopg.Connection[Any], missed: str, size: int, hour: str) -> None:
    vault.execute("delete from usage_vault.reading where hour = %s", [at(missed)])
    vault.execute(
        "update usage_vault.measurement set value = %s where reading_id = "
        "(select reading_id from usage_vault.reading where hour = %s)",
        [size, at(hour)],
    )
    vault.commit()


@when(parsers.parse('the night of "{day}" has run'))
def run_night(vault: psycopg.Connection[Any], day: str) -> None:
    assert "fail" not in night(vault, day).values()


@when(parsers.parse('the price is {credits:d} credits from "{since}"'))
def price(vault: psycopg.Connection[Any], credits: int, since: str) -> None:
    vault.execute("update usage_vault.price set valid_during = tstzrange(lower(valid_during), %s)", [at(since)])
    row = [credits * 1_000_000, at(since)]
    vault.execute("insert into usage_vault.price values ('cfapps', '', 'MB', %s, 1024, tstzrange(%s, null))", row)
    vault.commit()


@when("the organization belongs to nobody any more")
def nobody(vault: psycopg.Connection[Any]) -> None:
    vault.execute("update usage_vault.organization set customer_id = null")
    vault.commit()


@then("nothing is posted")
def nothing(vault: psycopg.Connection[Any]) -> None:
    assert postings(vault) == {}


@then(parsers.parse('"{amounts}" are posted for "{month}"'))
def posted(vault: psycopg.Connection[Any], amounts: str, month: str) -> None:
    found = [float(value) for key, value in postings(vault).items() if f":{month}" in key]
    assert found == [float(amount.removesuffix(" credits")) for amount in amounts.split(", ")]
