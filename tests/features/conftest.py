"""Shared by several features: a table of bookings, a place for its files, and its export."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from pytest_bdd import given, parsers, then, when

from billing_aggregator.export.plan.planner import Export
from billing_aggregator.export.store.factory import open_store
from tests.exporting import Lab
from tests.faults.faulty_s3 import FaultyS3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from billing_aggregator.export.publish.commit import Publication
    from billing_aggregator.local.postgres import EmbeddedPostgres
    from tests.features.nightly import Nachtlauf

_tables = count(1)
BOOKINGS = """
create table {table} as
select g as nummer, (g % 97)::text as konto, ((g::bigint * 7 % 1000003)::numeric / 100)::numeric(14, 2) as betrag
from generate_series(1, {rows}) g
"""


LARGE_SECONDS = 7200


def pytest_bdd_apply_tag(tag: str, function: Any) -> None:
    """Give scenarios with millions of rows a longer time-out; their tag is also a marker."""
    if tag == "benchmark":
        pytest.mark.timeout(LARGE_SECONDS)(function)


@dataclass
class Ausgabe:
    """A table that is exported to files."""

    lab: Lab
    s3: FaultyS3
    table: str
    export: Export
    published: Publication | None = None
    error: Exception | None = None
    plans: list[Any] = field(default_factory=list)
    seconds: float = 0.0

    def sql(self, *statements: str) -> None:
        self.lab.sql(*statements)

    def fill(self, rows: int) -> None:
        self.sql(BOOKINGS.format(table=self.table, rows=rows), f"analyze {self.table}")

    def publish(self, **options: Any) -> None:
        """Export and publish the table as the tasks would, without Airflow."""
        chosen = self.lab.options.model_copy(update=options)
        started = time.monotonic()
        try:
            run = self.lab.run()
            self.plans.append(plan := self.lab.plan(run, self.export, chosen))
            self.published = self.lab.publish([plan], self.lab.chunks(plan))
        except Exception as error:
            self.error = error
        self.seconds = time.monotonic() - started

    def files(self) -> list[list[bytes]]:
        """Return the lines of each published file, the header first."""
        if self.error is not None:
            raise self.error
        return [content.splitlines() for content in self.lab.csv(self.export.name)]


@pytest.fixture(scope="session")
def feature_dsn(postgres: EmbeddedPostgres) -> str:
    with psycopg.connect(postgres.dsn(), autocommit=True) as admin:
        admin.execute("create database merkmale")
    with psycopg.connect(postgres.dsn("merkmale"), autocommit=True) as owner:
        owner.execute("create schema report_oibl")
    return postgres.dsn("merkmale")


@pytest.fixture(scope="session")
def feature_s3() -> Iterator[FaultyS3]:
    with FaultyS3() as server:
        yield server


@pytest.fixture
def new_output(feature_dsn: str, feature_s3: FaultyS3) -> Iterator[Callable[[str | None], Ausgabe]]:
    """Return a function that prepares an export of a table to S3, or to a folder."""
    number = next(_tables)
    table, bucket = f"report_oibl.buchungen_{number}", f"ausgabe-{number}"
    feature_s3.create_bucket(bucket)
    feature_s3.parts.clear()

    def create(target: str | None = None) -> Ausgabe:
        place = target or f"s3://{bucket}"
        lab = Lab(feature_dsn, "psycopg", open_store(place, feature_s3.client), place)
        schema, _, name = table.partition(".")
        return Ausgabe(lab, feature_s3, table, Export("buchungen", table=(schema, name)))

    yield create
    feature_s3.faults = []
    with psycopg.connect(feature_dsn, autocommit=True) as owner:
        owner.execute(f"drop table if exists {table}")


@pytest.fixture
def ausgabe(new_output: Callable[[str | None], Ausgabe]) -> Ausgabe:
    return new_output(None)


@given(parsers.parse("eine Tabelle mit {rows:d} Buchungen"))
def _(ausgabe: Ausgabe, rows: int) -> None:
    ausgabe.fill(rows)


@given("das Ziel ist ein Ordner")
def _(ausgabe: Ausgabe, tmp_path: Path) -> None:
    target = (tmp_path / "ausgabe").as_uri()
    ausgabe.lab = Lab(ausgabe.lab.dsn, "psycopg", open_store(target, ausgabe.s3.client), target)


@then(parsers.re(r'(?P<_>scheitert das)( mit "(?P<message>.*)")?'))
def _(ausgabe: Ausgabe, message: str | None) -> None:
    assert ausgabe.error is not None
    assert (message or "") in str(ausgabe.error)


@given("ein kleiner Bestand mit 120 Buchungen")
def _(nachtlauf: Nachtlauf, tmp_path: Path) -> None:
    nachtlauf.small_scripts(tmp_path / "sql")


@given(parsers.parse('das Skript "{name}" ist fehlerhaft'))
def _(tmp_path: Path, name: str) -> None:
    (tmp_path / "sql" / name).write_text("select 1 / 0;\n", encoding="utf-8")


@when("der Nachtlauf läuft")
@when("der Nachtlauf noch einmal läuft")
def _(nachtlauf: Nachtlauf) -> None:
    nachtlauf.run()


@then("ist er gelungen")
def _(nachtlauf: Nachtlauf) -> None:
    assert nachtlauf.state == "success", nachtlauf.log[-5000:]


@then("ist er gescheitert")
def _(nachtlauf: Nachtlauf) -> None:
    assert nachtlauf.state == "failed", nachtlauf.log[-3000:]


@then(parsers.parse('das Protokoll erklärt "{words}"'))
def _(nachtlauf: Nachtlauf, words: str) -> None:
    assert words in nachtlauf.log


@then("veröffentlicht ist nichts")
def _(nachtlauf: Nachtlauf) -> None:
    assert nachtlauf.manifests[-1] is None
    listed = nachtlauf.s3.client().list_objects_v2(Bucket=nachtlauf.bucket)
    assert [item["Key"] for item in listed.get("Contents", [])] == []


@then("keine Verbindung zur Datenbank ist mehr offen")
def _(nachtlauf: Nachtlauf) -> None:
    assert nachtlauf.sessions() == 0
