"""A whole Airflow with a client of nights, and one of orders whose feed runs all the time."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import psutil
import psycopg

from billing_aggregator.local.kafka import produce
from billing_aggregator.local.postgres import EmbeddedPostgres
from billing_aggregator.local.random_orders import random_orders
from billing_aggregator.local.warehouse import ROLE
from tests.broker.server import Broker
from tests.conftest import SQL_ROOT
from tests.faults.faulty_s3 import FaultyS3
from tests.feeds.surroundings import make_schema
from tests.stack import project
from tests.stack.project import BUCKET
from tests.stack.sinks import MailSink, SlackSink, StatsdSink
from tests.stack.stack import Stack
from tests.survival import small_night
from tests.survival.armed import arm_project
from tests.survival.surroundings import SESSIONS, Client

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NIGHT, SHOP = "night", "shop"
FEED = f"billing_feed_orders_{SHOP}_local"
CLIENTS: Mapping[str, dict[str, object]] = {
    NIGHT: {"max_rows_per_file": small_night.ROWS_PER_FILE, "retries": 5},
    SHOP: {
        "retries": 5,
        "systems": ["orders"],
        "orders": {"tax_region": "DE", "tax_class": "standard", "base_currency": "EUR"},
        "feeds": {"orders": {"kind": "kafka", "run_minutes": 2}},
    },
}
PHASES = ("prechecks", "init", "audits", "release", "history", "cleanup", "feeds", "feed_checks")


def orders_scripts() -> dict[str, str]:
    """Return the project's own scripts of the orders and the ledger."""
    folders = [f"{phase}/orders" for phase in PHASES] + ["schema/ledger", "schema/orders", "archive/billing"]
    found = [path for folder in folders for path in sorted((SQL_ROOT / folder).glob("*.sql"))]
    return {path.relative_to(SQL_ROOT).as_posix(): path.read_text(encoding="utf-8") for path in found}


@dataclass
class Soak:
    """What is running, and how to look into it."""

    stack: Stack
    s3: FaultyS3
    reader: FaultyS3
    broker: Broker
    clients: dict[str, Client]
    points: Path
    produced: int = field(default=0)

    def produce(self, orders: int) -> int:
        """Send the events of some new orders; return how many orders."""
        self.produced += 1
        servers = {"bootstrap.servers": self.broker.servers}
        with suppress(Exception):  # the broker is cut off at this moment: these are lost before anybody has them
            produce(servers, "orders", random_orders(orders, self.produced, wrong=False))
        return orders

    def kill_a_feed(self, chance: random.Random) -> bool:
        """SIGKILL a process that holds a session of the feed's client; return whether there was one."""
        ports = {row[0] for row in self.clients[SHOP].sql(
            "select client_port from pg_stat_activity where application_name like 'bda:%' "
            "and datname = current_database()")}  # fmt: skip
        scheduler = psutil.Process(self.stack.pids()["scheduler"])
        tasks = []
        for process in scheduler.children(recursive=True):
            with suppress(psutil.Error):
                if any(c.laddr and c.laddr.port in ports for c in process.net_connections("tcp")):
                    tasks.append(process)
        if not tasks:
            return False
        with suppress(psutil.NoSuchProcess):
            chance.choice(tasks).kill()
        return True

    def sessions(self) -> int:
        return sum(len(client.sql(SESSIONS)) for client in self.clients.values())

    def uploads(self) -> int:
        return len(self.reader.client().list_multipart_uploads(Bucket=BUCKET).get("Uploads", []))

    def left(self) -> dict[str, Any]:
        """Return what nobody holds any more and is still there, now that no night runs."""
        night = self.clients[NIGHT]
        found = {
            "uploads": self.uploads(),
            "locks": night.sql("select run_id from report_oibl.aggregator_claims"),
            "sessions of nights": night.sql(SESSIONS),
            "frozen": night.sql("select relname from pg_class where relname like '%export%' and relkind = 'r'"),
        }
        return {name: value for name, value in found.items() if value}


@contextmanager
def soak_stack(folder: Path) -> Iterator[Soak]:
    """Start everything below *folder*."""
    (folder / "home").mkdir(parents=True)
    with ExitStack() as stack:
        s3, reader = stack.enter_context(FaultyS3()), stack.enter_context(FaultyS3())
        server = stack.enter_context(EmbeddedPostgres(options={"max_connections": "200"}))
        broker = stack.enter_context(Broker())
        sinks: list[Any] = [stack.enter_context(sink()) for sink in (MailSink, SlackSink, StatsdSink)]
        urlopen(Request(f"{s3.url}/moto-api/reset", method="POST")).close()  # noqa: S310 - our own server
        s3.create_bucket(BUCKET)
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute("create database airflow")
        variables = project.variables(server, s3, sinks[0], sinks[1], sinks[2], CLIENTS)
        variables["BDA_KAFKA_BOOTSTRAP_SERVERS"] = broker.servers
        written = project.write(folder, s3, clients=CLIENTS, scripts=small_night.all_scripts() | orders_scripts())
        clients = {name: Client(name, server, s3, BUCKET, folder, reader=reader) for name in CLIENTS}
        clients[NIGHT].sql(small_night.SOURCE)
        with psycopg.connect(server.dsn(clients[SHOP].database, ROLE)) as connection:
            make_schema(connection)
        arm_project(written)
        points = folder / "points"
        airflow = Stack(written, folder / "home", server, variables | {"KILL_POINTS": str(points)})
        yield Soak(stack.enter_context(airflow), s3, reader, broker, clients, points)
