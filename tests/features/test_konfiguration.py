"""Steps of konfiguration.feature."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pytest_bdd import given, parsers, scenarios, then, when

from billing_aggregator.config import ClientConfig, ConfigError, load_clients, read_environment
from billing_aggregator.runs.params import default_params, resolve_params

if TYPE_CHECKING:
    from pathlib import Path

scenarios("konfiguration.feature")


@dataclass
class Konfiguration:
    """The settings of a scenario, and the result."""

    variables: dict[str, str] = field(default_factory=dict)
    file: Path | None = None
    conf: dict[str, Any] = field(default_factory=dict)
    clients: list[Any] = field(default_factory=list)
    refusal: str = ""

    @property
    def client(self) -> ClientConfig:
        assert self.refusal == ""
        (found,) = self.clients
        assert isinstance(found, ClientConfig)
        return found


@pytest.fixture
def konfiguration() -> Konfiguration:
    return Konfiguration()


def number(text: str) -> int | None:
    return None if text == "nichts" else int(text)


@given("die Umgebungsvariablen sind")
def _(konfiguration: Konfiguration, datatable: list[list[str]]) -> None:
    konfiguration.variables |= dict(datatable[1:])


@given(parsers.re(r'die Variable "(?P<name>\w+)" hat den Wert "(?P<value>.*)"'))
def _(konfiguration: Konfiguration, name: str, value: str) -> None:
    konfiguration.variables[name] = value


@given(parsers.parse("in der Mandantendatei steht für alle {default}, für den Mandanten {own} Zeilen je Datei"))
def _(konfiguration: Konfiguration, tmp_path: Path, default: str, own: str) -> None:
    entry = {} if number(own) is None else {"max_rows_per_file": number(own)}
    content = {
        "defaults": {"s3_bucket": "abrechnung", "max_rows_per_file": number(default)},
        "clients": {"mandant": {"prod": entry}},
    }
    konfiguration.file = tmp_path / "clients.yaml"
    konfiguration.file.write_text(yaml.safe_dump(content), encoding="utf-8")


@given(parsers.parse("in der Umgebung steht {variable} und beim Start wird {param} verlangt"))
def _(konfiguration: Konfiguration, variable: str, param: str) -> None:
    if number(variable) is not None:
        konfiguration.variables["BDA_MAX_ROW_SIZE_FILE"] = variable
    if number(param) is not None:
        konfiguration.conf["max_rows_per_file"] = number(param)


@when("die Konfiguration gelesen wird")
def _(konfiguration: Konfiguration) -> None:
    try:
        konfiguration.clients = load_clients(konfiguration.file, konfiguration.variables)
    except ConfigError as error:
        konfiguration.refusal = str(error)


@then(parsers.parse('gibt es genau einen Nachtlauf, für "{client}" in "{environment}"'))
def _(konfiguration: Konfiguration, client: str, environment: str) -> None:
    assert (konfiguration.client.client, konfiguration.client.environment) == (client, environment)


@then(parsers.parse('seine Dateien kommen in den Bucket "{bucket}"'))
def _(konfiguration: Konfiguration, bucket: str) -> None:
    assert konfiguration.client.s3_bucket == bucket


@then(parsers.parse("jede Datei hat höchstens {rows:d} Zeilen"))
def _(konfiguration: Konfiguration, rows: int) -> None:
    assert konfiguration.client.max_rows_per_file == rows


@then(parsers.parse("hat jede Datei des Laufs höchstens {rows:d} Zeilen"))
def _(konfiguration: Konfiguration, rows: int) -> None:
    now = datetime.now(UTC)
    dag_run = SimpleNamespace(conf=konfiguration.conf, logical_date=now, run_after=now)
    context = {"params": default_params(konfiguration.client) | konfiguration.conf, "dag_run": dag_run}
    assert resolve_params(konfiguration.client, context).max_rows_per_file == rows


@then(parsers.parse("höchstens {steps:d} Schritte benutzen die Datenbank gleichzeitig"))
def _(konfiguration: Konfiguration, steps: int) -> None:
    assert konfiguration.client.db_max_conns == steps


@then(parsers.parse('es läuft nur das System "{system}"'))
@then(parsers.parse('es laufen die Systeme "{system}"'))
def _(konfiguration: Konfiguration, system: str) -> None:
    assert ", ".join(konfiguration.client.active_systems) == system


@then("der Lauf beginnt jede Nacht um 2 Uhr (UTC)")
def _(konfiguration: Konfiguration) -> None:
    assert konfiguration.client.schedule == "0 2 * * *"


@then(parsers.re(r'wird sie abgelehnt mit "(?P<message>.*)"'))
def _(konfiguration: Konfiguration, message: str) -> None:
    assert message in konfiguration.refusal


@then(parsers.parse("nennt die Meldung {count:d} Fehler"))
def _(konfiguration: Konfiguration, count: int) -> None:
    assert len(konfiguration.refusal.splitlines()) == count


@then(parsers.parse('steht "{secret}" in keiner Darstellung der Konfiguration'))
def _(konfiguration: Konfiguration, secret: str) -> None:
    settings = read_environment(konfiguration.variables)
    shown = [repr(settings), settings.model_dump_json(), *map(repr, konfiguration.clients)]
    assert konfiguration.clients
    assert all(secret not in text for text in shown)


@then(parsers.parse('ist die Umgebung "{environment}"'))
def _(konfiguration: Konfiguration, environment: str) -> None:
    assert read_environment(konfiguration.variables).detected_environment() == environment
