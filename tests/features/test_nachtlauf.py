"""Steps of nachtlauf.feature."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

from pytest_bdd import given, parsers, scenarios, then, when

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from tests.features.nightly import Nachtlauf

scenarios("nachtlauf.feature")

EXPECTED = ROOT / "tests/golden/expected/expected_oibl_customer.csv"
NOT_STARTED = {"upstream_failed", "None", "skipped", "removed"}


@given("das Lager mit dem Beispielbestand")
def _(nachtlauf: Nachtlauf) -> None:
    assert nachtlauf.rows("select count(*) > 0 from datalake_vault.applied_billing_charge") == [(True,)]


@given(parsers.parse("ein erzeugter Bestand mit {charges:d} Vorgängen"))
def _(nachtlauf: Nachtlauf, postgres: EmbeddedPostgres, charges: int) -> None:
    from benchmarks.vault import create_vault

    nachtlauf.database = nachtlauf.variables["BDA_DB_NAME"] = f"octopus_{charges}"
    create_vault(postgres, nachtlauf.database, charges)


@given("der Nachtlauf ist einmal gelungen")
def _(nachtlauf: Nachtlauf) -> None:
    nachtlauf.run()
    assert nachtlauf.state == "success", nachtlauf.log[-5000:]


@given(parsers.parse('das Skript "{name}" findet eine falsche Buchung'))
def _(tmp_path: Path, name: str) -> None:
    (tmp_path / "sql" / name).write_text("-- fail: every booking is 10 euros\nselect 7 as nummer\n", encoding="utf-8")


@when(parsers.parse('der Nachtlauf nur mit dem System "{system}" läuft'))
def _(nachtlauf: Nachtlauf, system: str) -> None:
    nachtlauf.run(systems=[system])


@when(parsers.parse('der Nachtlauf ohne das System "{system}" läuft, mit höchstens {rows:d} Zeilen je Datei'))
def _(nachtlauf: Nachtlauf, system: str, rows: int) -> None:
    nachtlauf.run(ignore_systems=[system], max_rows_per_file=rows)


@when("der Nachtlauf als Probelauf läuft")
def _(nachtlauf: Nachtlauf) -> None:
    nachtlauf.run(dry_run=True)


@when(parsers.parse('der Nachtlauf mit dem unbekannten Parameter "{name}" gestartet wird'))
def _(nachtlauf: Nachtlauf, name: str) -> None:
    nachtlauf.run(**{name: ["bookkeeper"]})


@then(parsers.parse('veröffentlicht sind "{names}"'))
def _(nachtlauf: Nachtlauf, names: str) -> None:
    manifest = nachtlauf.manifests[-1]
    assert manifest is not None
    assert sorted(manifest.exports) == names.split(", ")


@then(parsers.parse('die Liste "{name}" hat {rows:d} Zeilen, wie vorausberechnet'))
def _(nachtlauf: Nachtlauf, name: str, rows: int) -> None:
    content = nachtlauf.files[-1][f"enercity/local/{name}_0000.csv"].decode("utf-8")
    published = list(csv.reader(io.StringIO(content, newline="")))
    with EXPECTED.open(encoding="utf-8", newline="") as file:
        expected = list(csv.reader(file))
    assert len(published) - 1 == rows
    assert sorted(published) == sorted(expected)


@then(parsers.parse("im Laufbuch steht, dass es {rows:d} Zeilen in {files:d} Dateien gewesen wären"))
def _(nachtlauf: Nachtlauf, rows: int, files: int) -> None:
    query = "select dry_run, state, rows, files, bytes > rows from report_oibl.aggregator_runs"
    assert nachtlauf.rows(query) == [(True, "success", rows, files, True)]


@then("das Protokoll nennt Dauer, Zeilen, Dateien und Bytes")
def _(nachtlauf: Nachtlauf) -> None:
    line = next(line for line in nachtlauf.log.splitlines() if "run ends" in line)
    for name in ("seconds", "rows", "files", "bytes"):
        found = re.search(rf"\b{name}=([\d.]+)", line)
        assert found is not None, line
        assert float(found[1]) > 0, line


@then("im Berichtsschema liegen nur noch Ergebnisse, Verlauf und Laufbuch")
def _(nachtlauf: Nachtlauf) -> None:
    query = (
        "select relname from pg_class where relnamespace = 'report_oibl'::regnamespace and relkind in ('r', 'v', 'p')"
    )
    names = {name for (name,) in nachtlauf.rows(query)}
    kept = {"bookkeeper_results", "tripica_results", "oibl_customer"}
    assert kept <= names
    rest = [name for name in names - kept if not name.startswith(("history_", "aggregator_"))]
    assert rest == []


@then(parsers.parse('die Schritte des Systems "{system}" sind als ausgelassen zu sehen'))
def _(nachtlauf: Nachtlauf, system: str) -> None:
    assert nachtlauf.states("init", system) == {"skipped"}


@then(parsers.parse('kein Schritt von "{phases}" hat begonnen'))
def _(nachtlauf: Nachtlauf, phases: str) -> None:
    for phase in phases.split(", "):
        # The run's open uploads are listed, also when none was opened.
        states = {
            state
            for task, state in nachtlauf.result["tasks"].items()
            if task.startswith(f"{phase}.") and task != "publish.abort_uploads"
        }
        assert states
        assert states <= NOT_STARTED, phase


@then("veröffentlicht ist noch der vorige Stand, Byte für Byte")
def _(nachtlauf: Nachtlauf) -> None:
    assert nachtlauf.manifests[-1] is not None
    assert nachtlauf.manifests[-1] == nachtlauf.manifests[-2]
    assert nachtlauf.files[-1] == nachtlauf.files[-2] != {}


@then("die Dateien beider Läufe sind Byte für Byte gleich")
def _(nachtlauf: Nachtlauf) -> None:
    assert nachtlauf.files[-1] == nachtlauf.files[-2] != {}
    assert nachtlauf.manifests[-1] != nachtlauf.manifests[-2], "the second run has published as well"


@then(parsers.re(r'"(?P<export>\w+)" hat Dateien mit (?P<counts>[\d, und]+) Zeilen'))
def _(nachtlauf: Nachtlauf, export: str, counts: str) -> None:
    manifest = nachtlauf.manifests[-1]
    assert manifest is not None
    found = [file.rows for file in manifest.exports[export].files]
    assert found == [int(number) for number in re.findall(r"\d+", counts)]


@then(parsers.parse('es ist aufgeräumt: die Zwischentabelle "{table}" gibt es nicht mehr'))
def _(nachtlauf: Nachtlauf, table: str) -> None:
    assert nachtlauf.state == "success"
    assert nachtlauf.rows(f"select to_regclass('{table}')") == [(None,)]


@then(parsers.parse("die Dateien haben höchstens {rows:d} Zeilen"))
def _(nachtlauf: Nachtlauf, rows: int) -> None:
    manifest = nachtlauf.manifests[-1]
    assert manifest is not None
    counts = [file.rows for export in manifest.exports.values() for file in export.files]
    assert max(counts) <= rows < sum(counts)
