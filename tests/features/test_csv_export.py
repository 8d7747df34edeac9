"""Steps of csv_export.feature."""

from __future__ import annotations

import csv
import io
import logging
import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from billing_aggregator.export.copy import progress
from billing_aggregator.export.plan.planner import Export

if TYPE_CHECKING:
    from tests.features.conftest import Ausgabe

scenarios("csv_export.feature")

SPECIAL = {"(kein Wert)": None, "(leerer Text)": ""}


def texts_of(datatable: list[list[str]]) -> list[str | None]:
    return [SPECIAL.get(text, text.replace("⏎", "\n")) for (text,) in datatable[1:]]


@pytest.fixture
def texte() -> list[str | None]:
    """The texts that a scenario puts into its table."""
    return []


@given("eine Tabelle mit den Texten")
def _(ausgabe: Ausgabe, texte: list[str | None], datatable: list[list[str]]) -> None:
    import psycopg

    texte += texts_of(datatable)
    with psycopg.connect(ausgabe.lab.dsn, autocommit=True) as connection:
        connection.execute(f"create table {ausgabe.table} (nummer int, wert text)")
        rows = [(number, text) for number, text in enumerate(texte, 1)]
        connection.cursor().executemany(f"insert into {ausgabe.table} values (%s, %s)", rows)


@given(parsers.parse('eine Tabelle mit den Beträgen "{amounts}"'))
def _(ausgabe: Ausgabe, amounts: str) -> None:
    values = ", ".join(f"({amount})" for amount in amounts.split(", "))
    ausgabe.sql(f"create table {ausgabe.table} as select betrag from (values {values}) as v (betrag)")


@when("sie exportiert wird")
def _(ausgabe: Ausgabe) -> None:
    ausgabe.publish()


@when(parsers.parse("sie mit höchstens {rows:d} Zeilen je Datei exportiert wird"))
def _(ausgabe: Ausgabe, rows: int) -> None:
    ausgabe.publish(max_rows_per_file=rows)


@when("sie exportiert wird und dabei ständig berichtet wird")
def _(ausgabe: Ausgabe, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger=progress.LOG.name)
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.0)
    ausgabe.publish()


@when("eine Tabelle exportiert wird, die es nicht gibt")
def _(ausgabe: Ausgabe) -> None:
    ausgabe.export = Export("fehlt", table=("report_oibl", "gibt_es_nicht"))
    ausgabe.publish()


@then(parsers.parse('gibt es die Dateien "{names}"'))
def _(ausgabe: Ausgabe, names: str) -> None:
    assert ausgabe.error is None
    assert [key.rpartition("/")[2] for key in ausgabe.lab.files()] == names.split(", ")


@then(parsers.parse('die erste Zeile jeder Datei ist "{header}"'))
def _(ausgabe: Ausgabe, header: str) -> None:
    assert {lines[0].decode() for lines in ausgabe.files()} == {header}


@then(parsers.parse("die Dateien haben zusammen {rows:d} Buchungen"))
def _(ausgabe: Ausgabe, rows: int) -> None:
    assert sum(len(lines) - 1 for lines in ausgabe.files()) == rows


@then(parsers.re(r"haben die Dateien (?P<counts>[\d, und]+) Buchungen"))
def _(ausgabe: Ausgabe, counts: str) -> None:
    assert [len(lines) - 1 for lines in ausgabe.files()] == [int(number) for number in re.findall(r"\d+", counts)]


@then("die Summe der Beträge in den Dateien ist die Summe in der Datenbank")
def _(ausgabe: Ausgabe) -> None:
    cents = sum(int(line.rpartition(b",")[2].replace(b".", b"")) for lines in ausgabe.files() for line in lines[1:])
    assert Decimal(cents) / 100 == ausgabe.lab.value(f"select sum(betrag) from {ausgabe.table}")


@then("die Dateien enthalten jede Buchung genau einmal, in der Reihenfolge der Tabelle")
def _(ausgabe: Ausgabe) -> None:
    numbers = [int(line.partition(b",")[0]) for lines in ausgabe.files() for line in lines[1:]]
    assert numbers == list(range(1, len(numbers) + 1))


@then("stehen in der Datei die Zeilen")
def _(ausgabe: Ausgabe, datatable: list[list[str]]) -> None:
    (lines,) = ausgabe.files()
    assert [line.decode() for line in lines[1:]] == [line for (line,) in datatable[1:]]


@then("liest ein Programm aus der Datei genau diese Texte")
def _(ausgabe: Ausgabe, texte: list[str | None]) -> None:
    (content,) = ausgabe.lab.csv("buchungen")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))
    assert [row["wert"] for row in rows] == texte


@then(parsers.parse('stehen in der Datei die Beträge "{amounts}"'))
def _(ausgabe: Ausgabe, amounts: str) -> None:
    (lines,) = ausgabe.files()
    assert [line.decode() for line in lines[1:]] == amounts.split(", ")


@then("nennt das Protokoll Zeilen, Anteil und Geschwindigkeit")
def _(ausgabe: Ausgabe, caplog: pytest.LogCaptureFixture) -> None:
    assert ausgabe.error is None
    assert re.search(r"exporting buchungen: [\d,]+ rows \(\d+ %\), [\d.]+ MB, [\d,]+ rows/s, [\d.]+ MB/s", caplog.text)


@then("hat der Ordner die Rechte 0750 und jede Datei 0640")
def _(ausgabe: Ausgabe) -> None:
    root = Path(urlsplit(ausgabe.lab.target).path)
    found = [root, *root.rglob("*")]
    folders = {path.stat().st_mode & 0o7777 for path in found if path.is_dir()}
    files = {path.stat().st_mode & 0o7777 for path in found if path.suffix in (".csv", ".json")}
    assert (folders, files) == ({0o750}, {0o640})


@then("nennt die Meldung die Tabelle")
def _(ausgabe: Ausgabe) -> None:
    assert "gibt_es_nicht" in str(ausgabe.error)


@then("am Ziel liegt keine Datei")
def _(ausgabe: Ausgabe) -> None:
    assert ausgabe.lab.files() == []
    assert ausgabe.lab.open_uploads() == []
