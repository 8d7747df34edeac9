"""Readings over HTTP from the stand-in of the platform, whole or in part, into a real warehouse."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests
from airflow.sdk import Connection

from billing_aggregator.errors.kinds import TerminalError
from billing_aggregator.feeds.meters import cloudfoundry
from billing_aggregator.feeds.meters.connection import PlatformHook, platform_hook
from billing_aggregator.feeds.meters.meter import Measured, UnknownMeterError, meter_of
from billing_aggregator.feeds.meters.platform import TRIES, Platform, PlatformOutageError, PlatformRefusedError
from billing_aggregator.feeds.meters.reading import take_one_app, take_reading
from billing_aggregator.local import cloudfoundry as stand_in
from billing_aggregator.local.cloudfoundry import CLIENT_ID, LocalPlatform
from tests.conftest import ROOT
from tests.usage.meters import Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

AT = datetime(2026, 3, 1, 15, 20, tzinfo=UTC)
BOTH = ("cfapps", "cfservices")
THIRD = "tests.usage.meters.Volumes"


@pytest.fixture
def local() -> Iterator[LocalPlatform]:
    with LocalPlatform(lambda: AT) as started:
        yield started


@pytest.fixture
def platform(local: LocalPlatform) -> Platform:
    return Platform(hook_of(local), sleep=lambda _: None)


def hook_of(local: LocalPlatform, secret: str | None = None) -> PlatformHook:
    password = secret or local.secret
    return PlatformHook(Connection(conn_id="cf", conn_type="http", host=local.url, login=CLIENT_ID, password=password))


def take(vault: psycopg.Connection[Any], platform: Platform, meters: tuple[str, ...], at: datetime = AT) -> Any:
    return take_reading(vault, lambda: platform, meters, at, periodic=True)


def sums(vault: psycopg.Connection[Any]) -> dict[str, tuple[int, int]]:
    rows = vault.execute("select meter, count(*), sum(value) from usage_vault.measurement group by meter").fetchall()
    return {meter: (count, int(value)) for meter, count, value in rows}


def state(vault: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return vault.execute("select complete, periodic, meters from usage_vault.reading order by hour").fetchall()


def test_a_reading_has_started_apps_and_managed_services(vault: psycopg.Connection[Any], platform: Platform) -> None:
    reading = take(vault, platform, BOTH)
    assert reading.to_json() == {
        "hour": "2026-03-01T15:00Z", "complete": True, "measured": {"cfapps": 6, "cfservices": 4}, "failed": {},
    }  # fmt: skip
    # 15 UTC is busy and every third hour: one instance more of each app.
    megabytes = 512 * 5 + 1024 * 3 + 2048 * 2 + 768 * 7 + 512 * 3 + 256 * 2
    assert sums(vault) == {"cfapps": (6, megabytes), "cfservices": (4, 4)}
    assert state(vault) == [(True, True, ["cfapps", "cfservices"])]
    places = vault.execute(
        "select organization.name, space.name, resource.name from usage_vault.resource "
        "join usage_vault.space using (space_id) join usage_vault.organization on organization.org_id = resource.org_id"
        " where resource.name in ('trails', 'transit-web-db') order by 1"
    ).fetchall()
    assert places == [("parks", "web", "trails"), ("transit", "web", "transit-web-db")]
    kinds = vault.execute("select kind_id, name from usage_vault.resource_kind order by name").fetchall()
    assert kinds == [("", ""), *[(stand_in.guid(name), name) for name in stand_in.PLANS]]


def test_one_app_by_hand_and_the_rest_by_the_feed(vault: psycopg.Connection[Any], platform: Platform) -> None:
    app = stand_in.guid("parks/web/trails")
    assert take_one_app(vault, lambda: platform, app, AT).measured == {"cfapps": 1}
    assert sums(vault) == {"cfapps": (1, 512 * 5)}
    assert state(vault) == [(False, False, [])]
    assert take(vault, platform, BOTH).measured == {"cfapps": 5, "cfservices": 4}
    assert sums(vault)["cfapps"][0] == 6
    assert state(vault) == [(True, False, ["cfapps", "cfservices"])]
    assert take_one_app(vault, lambda: platform, app, AT).measured == {}
    later = AT.replace(hour=16)
    with pytest.raises(TerminalError, match="no started app"):
        take_one_app(vault, lambda: platform, "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d", later)
    assert len(state(vault)) == 1


def test_pages_and_places_that_are_not_included(
    vault: psycopg.Connection[Any], platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloudfoundry, "PER_PAGE", "2")
    monkeypatch.setattr(stand_in, "_page", without_places(stand_in._page))
    traffic = Traffic(platform)
    assert take(vault, platform, BOTH).measured == {"cfapps": 6, "cfservices": 4}
    assert traffic.paths["v3/apps"] == 3
    assert traffic.paths["v3/spaces"] == 5
    assert traffic.paths["oauth/token"] == 1
    assert vault.execute("select count(*) from usage_vault.resource where org_id is null").fetchall() == [(0,)]


def without_places(page: Any) -> Any:
    def answer(local: LocalPlatform, path: str, query: dict[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = page(local, path, query)
        if path != "/v3/spaces":
            found.pop("included", None)
        return found

    return answer


def test_a_meter_that_fails_leaves_the_others_usage(vault: psycopg.Connection[Any], platform: Platform) -> None:
    failing = "tests.usage.meters.Failing"
    reading = take(vault, platform, ("cfapps", failing))
    assert (reading.complete, reading.measured, reading.failed) == (
        False,
        {"cfapps": 6},
        {"failing": "PlatformRefusedError: no more"},
    )
    assert set(sums(vault)) == {"cfapps"}
    assert state(vault) == [(False, True, ["cfapps"])]
    # A second reading in the hour adds what was missing, a third changes nothing.
    before = sums(vault)["cfapps"]
    again = take(vault, platform, ("cfapps", "cfservices"), AT.replace(minute=59))
    assert (again.complete, again.measured) == (True, {"cfservices": 4})
    traffic = Traffic(platform)
    assert take(vault, platform, BOTH).measured == {}
    assert not traffic.paths
    assert sums(vault) == {"cfapps": before, "cfservices": (4, 4)}
    assert len(state(vault)) == 1


def test_a_third_meter_is_a_class(vault: psycopg.Connection[Any], platform: Platform) -> None:
    assert take(vault, platform, (THIRD,)).measured == {"volumes": 3}
    assert state(vault) == [(True, True, ["volumes"])]
    with pytest.raises(UnknownMeterError, match=r"meter cfapp: .*known: cfapps, cfservices"):
        meter_of("cfapp")


def test_transient_answers_are_tried_again_and_others_are_not(platform: Platform) -> None:
    traffic = Traffic(platform)
    traffic.spoiled = [503, requests.ConnectionError("gone"), 429]
    assert len(list(platform.pages("v3/organizations", {}))) == 1
    traffic.spoiled = [503] * TRIES
    with pytest.raises(PlatformOutageError, match=f"v3/organizations: status 503, {TRIES} times"):
        list(platform.pages("v3/organizations", {}))
    traffic.spoiled = [404]
    before = traffic.paths["v3/organizations"]
    with pytest.raises(PlatformRefusedError, match="status 404"):
        list(platform.pages("v3/organizations", {}))
    assert traffic.paths["v3/organizations"] == before + 1


def test_a_token_that_ends_is_renewed(platform: Platform, local: LocalPlatform) -> None:
    traffic = Traffic(platform)
    list(platform.pages("v3/organizations", {}))
    local.token = "revoked-and-another-one"
    list(platform.pages("v3/organizations", {}))
    platform._token.ends = 0
    list(platform.pages("v3/organizations", {}))
    assert traffic.paths["oauth/token"] == 3


def test_a_wrong_secret_is_refused_without_being_told(local: LocalPlatform) -> None:
    with pytest.raises(PlatformRefusedError, match="/oauth/token: status 401") as refused:
        list(Platform(hook_of(local, "wrong-secret")).pages("v3/apps", {}))
    assert "wrong-secret" not in str(refused.value)


@pytest.mark.parametrize("href", ["http://127.0.0.2:1/v3/apps?page=2", "https://evil.example.org/v3/apps"])
def test_paging_stays_on_the_api(platform: Platform, monkeypatch: pytest.MonkeyPatch, href: str) -> None:
    answer = {"pagination": {"next": {"href": href}}, "resources": []}
    monkeypatch.setattr(stand_in, "_page", lambda *_: answer)
    with pytest.raises(PlatformRefusedError, match=r"pagination\.next leads to"):
        list(platform.pages("v3/apps", {}))


def test_memory_stays_bounded(vault: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A meter's resources are taken batch by batch: never more than one batch is asked for ahead."""
    from billing_aggregator.feeds.meters import reading

    monkeypatch.setattr(reading, "BATCH", 10)
    ahead = 0
    nobody: Any = None

    class Many:
        name = "many"

        def read(self, _platform: Any) -> Iterator[Measured]:
            nonlocal ahead
            for number in range(35):
                staged = 0 if number < 10 else vault.execute("select count(*) from pg_temp.measured").fetchall()[0][0]
                ahead = max(ahead, number - staged)
                yield Measured(f"r{number}", 1)

    monkeypatch.setattr(reading, "meter_of", lambda _entry: Many())
    assert take_reading(vault, lambda: nobody, ("many",), AT, periodic=False).measured == {"many": 35}
    assert ahead <= 10


def test_the_connection_is_airflows_or_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    from billing_aggregator.config import ConfigError, load_client

    config = load_client("agency", "local", ROOT / "include" / "clients.yaml", environ={})
    feed: Any = config.feeds["usage"]
    with pytest.raises(ConfigError, match="create the Airflow connection cloudfoundry_agency_local"):
        platform_hook(config, feed)
    monkeypatch.setenv("BDA_CF_URL", "https://api.example.org")
    monkeypatch.setenv("BDA_CF_CLIENT_ID", "variables")
    hook = platform_hook(config, feed)
    assert (hook.base_url, hook.client[0]) == ("https://api.example.org", "variables")
    monkeypatch.setenv("AIRFLOW_CONN_CLOUDFOUNDRY_AGENCY_LOCAL", "http://me:word@cf.example.org:8443/https")
    hook = platform_hook(config, feed)
    assert (hook.base_url, hook.client) == ("https://cf.example.org:8443", ("me", "word"))
    assert hook.get_conn().auth is None


def test_the_dag_reads_then_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    from billing_aggregator.config import load_client
    from billing_aggregator.dag.feed import build_feed

    dag: Any = build_feed(load_client("agency", "local", ROOT / "include" / "clients.yaml", environ={}), "usage")
    assert dag.dag_id == "billing_feed_usage_agency_local"
    assert sorted(dag.task_dict) == ["checks", "finish", "reading", "start"]
    assert dag.task_dict["reading"].upstream_task_ids == {"start"}
    assert [file.name for file in dag.task_dict["checks"].sql] == [
        "feed_checks/usage/100_reading_complete.sql",
        "feed_checks/usage/110_all_known.sql",
    ]
    assert "`cfapps`, `cfservices`" in str(dag.doc_md)
