"""Steps of skripte.feature."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from billing_aggregator.sql.runner import StatementError, run_script
from billing_aggregator.sql.scripts import Script, SourceFileError, find_scripts, stages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres

scenarios("skripte.feature")


@dataclass
class Ordner:
    """A folder of scripts, and the scripts that were found in it."""

    root: Path
    found: list[Script] = field(default_factory=list)
    refusal: str = ""
    text: str = ""


@pytest.fixture
def ordner(tmp_path: Path) -> Ordner:
    return Ordner(tmp_path)


@pytest.fixture
def verbindung(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres.dsn()) as connection:
        yield connection
        connection.rollback()
        connection.execute("drop table if exists skript_probe")


@given(parsers.parse('die Skripte "{names}"'))
def _(ordner: Ordner, names: str) -> None:
    for name in names.split(", "):
        path = ordner.root / "init/bookkeeper" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("select 1;\n", encoding="utf-8")


@given("ein Skript, das eine Tabelle füllt und danach scheitert")
def _(ordner: Ordner) -> None:
    ordner.text = "create table skript_probe (a int); insert into skript_probe values (1); select 1 / 0;"


@given("ein Skript, das Buchungstag und Mandant in eine Tabelle schreibt")
def _(ordner: Ordner) -> None:
    values = "current_setting('bda.business_date'), current_setting('bda.client')"
    ordner.text = f"create table skript_probe as select concat_ws(' ', {values}) as a;"


@when(parsers.parse('die Skripte für "{client}" zusammengestellt werden'))
def _(ordner: Ordner, client: str) -> None:
    try:
        ordner.found = find_scripts(ordner.root, "init", "bookkeeper", client)
    except SourceFileError as error:
        ordner.refusal = str(error)


@when("das Skript läuft")
def _(ordner: Ordner, verbindung: psycopg.Connection[Any]) -> None:
    with pytest.raises(StatementError) as caught:
        run_script(verbindung, ordner.text)
    assert isinstance(caught.value.__cause__, psycopg.errors.DivisionByZero)


@when(parsers.parse('das Skript für "{client}" am "{day}" läuft'))
def _(ordner: Ordner, verbindung: psycopg.Connection[Any], client: str, day: str) -> None:
    run_script(verbindung, ordner.text, {"client": client, "business_date": day})


@then("laufen nacheinander")
def _(ordner: Ordner, datatable: list[list[str]]) -> None:
    found = [", ".join(script.name for script in stage) for stage in stages(ordner.found)]
    assert found == [scripts for _, scripts in datatable[1:]]


@then(parsers.parse('kommt "{name}" aus dem Ordner "{origin}"'))
def _(ordner: Ordner, name: str, origin: str) -> None:
    assert {script.name: script.origin for script in ordner.found}[name] == origin


@then(parsers.parse('werden sie abgelehnt mit "{message}"'))
def _(ordner: Ordner, message: str) -> None:
    assert message in ordner.refusal


@then("ist die Tabelle nicht in der Datenbank")
def _(verbindung: psycopg.Connection[Any]) -> None:
    assert verbindung.execute("select to_regclass('skript_probe')").fetchone() == (None,)


@then("die Verbindung ist frei für das nächste Skript")
def _(verbindung: psycopg.Connection[Any]) -> None:
    verbindung.rollback()
    assert run_script(verbindung, "select 1;").rows >= 0
    assert verbindung.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


@then(parsers.parse('steht in der Tabelle "{text}"'))
def _(verbindung: psycopg.Connection[Any], text: str) -> None:
    assert verbindung.execute("select a from skript_probe").fetchall() == [(text,)]
