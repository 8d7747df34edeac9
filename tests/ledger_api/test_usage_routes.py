"""The routes of the usage on its real schema: tiers, a reading by hand, and a report that is the published one."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from billing_aggregator.config.load import load_client
from billing_aggregator.feeds.params import default_feed_params, resolve_feed_params
from billing_aggregator.local.warehouse import ROLE, create_octopus
from tests.conftest import ROOT
from tests.ledger_api.server import Running, give_rights
from tests.usage.model import Hour, Platform, Price
from tests.usage.test_against_model import CUSTOMERS, LAST, ORGS
from tests.usage.warehouse import ZONE, migrate, night, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from billing_aggregator.local.postgres import EmbeddedPostgres

DATABASE = "ledger_api_usage"
#: The last hour of New York's February and the first two of March.
FIRST = datetime(2026, 3, 1, 4, 59, tzinfo=UTC)
HOURS = [FIRST, FIRST + timedelta(minutes=1), FIRST + timedelta(minutes=61)]
BY = {"by": "resource"}
APP = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"
COLUMNS = ("microcredits", "measurements", "estimated")
PUBLISHED = """
select {by}, sum(microcredits)::bigint, sum(hours)::integer, sum(estimated_hours)::integer
from report_oibl.usage_results where customer_id = %s and month = %s group by 1 order by 1
"""


def thirds() -> Platform:
    """Return a platform whose amounts are thirds of a microcredit, so that rounding each row would show."""
    platform = Platform(ZoneInfo(ZONE))
    platform.kinds = {("cfapps", "a"): "", ("cfapps", "b"): "", ("cfapps", "c"): "", ("cfservices", "d"): "plan"}
    platform.owners = dict.fromkeys(platform.kinds, CUSTOMERS[0])
    platform.prices = [Price("cfapps", "", 1, 3, datetime(2026, 1, 1, tzinfo=UTC), LAST)]
    for at in HOURS:
        platform.readings[at] = Hour(at, complete=True, values=dict.fromkeys(platform.kinds, Fraction(1)))
    return platform


@pytest.fixture(scope="module")
def published(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection[Any]]:
    """A warehouse of the usage behind its night; the API's role may read it."""
    create_octopus(postgres, DATABASE)
    with psycopg.connect(postgres.dsn(DATABASE, ROLE)) as owner:
        owner.execute("create schema if not exists report_oibl")
        migrate(owner)
        write(owner, thirds(), ORGS)
        assert night(owner, "2026-04-01") == {"300_all_priced": "warn"}
        give_rights(postgres, DATABASE)
        yield owner


class LocalAirflow:
    """What the API asks of Airflow: a token, and a run of a DAG."""

    def __init__(self) -> None:
        self.runs: list[tuple[str, dict[str, Any]]] = []
        airflow = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path.startswith("/api"):
                    airflow.runs.append((self.path, body))
                self.send_response(201)
                self.end_headers()
                self.wfile.write(json.dumps({"access_token": "t", "dag_run_id": "manual__1"}).encode())

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def airflow() -> Iterator[LocalAirflow]:
    found = LocalAirflow()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture(scope="module")
def usage_api(
    postgres: EmbeddedPostgres,
    published: psycopg.Connection[Any],
    airflow: LocalAirflow,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[httpx.Client]:
    assert published
    log: Path = tmp_path_factory.mktemp("usage") / "log"
    more = {
        "BDA_API_TIMEZONE": ZONE, "BDA_CLIENT_ID": "agency", "BDA_ENVIRONMENT": "local", "BDA_AIRFLOW_USER": "u",
        "BDA_AIRFLOW_URL": f"http://127.0.0.1:{airflow.server.server_port}", "BDA_AIRFLOW_PASSWORD": "p",
    }  # fmt: skip
    with Running(postgres, DATABASE, log, **more) as running, running.client() as client:
        yield client


@pytest.mark.parametrize("by", ["org", "resource"])
@pytest.mark.parametrize("month", ["2026-02", "2026-03"])
def test_the_report_is_the_published_one(
    usage_api: httpx.Client, published: psycopg.Connection[Any], month: str, by: str
) -> None:
    answer = usage_api.get("/v1/usage/report", params={"customer_id": CUSTOMERS[0], "month": month, "by": by})
    assert answer.status_code == 200
    # Organizations of this platform share a name.
    priced = [row for row in answer.json()["items"] if not row["unpriced"]]
    found = [
        (name, *(sum(int(row[column]) for row in priced if row[by] == name) for column in COLUMNS))
        for name in sorted({row[by] for row in priced})
    ]
    assert found == published.execute(PUBLISHED.format(by=by).encode(), [CUSTOMERS[0], month]).fetchall()
    # Three apps at a third of a microcredit an hour, and what the month's posting says.
    assert sum(int(row["microcredits"]) for row in priced) == {"2026-02": 1, "2026-03": 2}[month]


def test_what_has_no_price_is_told(usage_api: httpx.Client) -> None:
    answer = usage_api.get("/v1/usage/report", params={"customer_id": CUSTOMERS[0], "month": "2026-03"} | BY)
    rows = [row for row in answer.json()["items"] if row["unpriced"]]
    assert [(row["resource_id"], row["microcredits"], row["unpriced"]) for row in rows] == [("d", "0", 2)]


def test_a_report_of_nobody_and_of_a_month_without_usage(usage_api: httpx.Client) -> None:
    assert usage_api.get("/v1/usage/report", params={"customer_id": APP, "month": "2026-03"}).status_code == 404
    empty = usage_api.get("/v1/usage/report", params={"customer_id": CUSTOMERS[0], "month": "2026-05"})
    assert (empty.status_code, empty.json()["items"]) == (200, [])


def test_a_tier_is_added_once(usage_api: httpx.Client, published: psycopg.Connection[Any]) -> None:
    first = usage_api.post("/v1/tiers", json={"name": "gold", "credits": "1000.5"})
    again = usage_api.post("/v1/tiers", json={"name": "gold", "credits": "1000.500"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json() == {"name": "gold", "credits": "1000.500000"}
    assert usage_api.post("/v1/tiers", json={"name": "gold", "credits": "1"}).status_code == 409
    assert published.execute("select credits from usage_vault.tier where name = 'gold'").fetchone() == (1000.5,)


@pytest.mark.parametrize(("body", "conf"), [(None, {}), ({"app_id": APP}, {"app_id": APP})])
def test_a_reading_by_hand_is_a_run_that_the_feed_takes(
    usage_api: httpx.Client, airflow: LocalAirflow, body: Any, conf: dict[str, str]
) -> None:
    answer = usage_api.post("/v1/usage/readings", json=body)
    assert (answer.status_code, answer.json()["dag_run_id"]) == (202, "manual__1")
    path, asked = airflow.runs[-1]
    assert (path, asked["conf"]) == ("/api/v2/dags/billing_feed_usage_agency_local/dagRuns", conf)
    # As the run's first task reads them: it refuses what it does not know.
    feed = load_client("agency", "local", ROOT / "include/clients.yaml", {}).feeds["usage"]
    context = {"params": default_feed_params(feed) | conf, "dag_run": SimpleNamespace(conf=conf)}
    assert resolve_feed_params(feed, context).app_id == conf.get("app_id")
