"""Steps of s3_upload.feature."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from tests.conftest import ROOT
from tests.faults.faulty_s3 import REFUSALS, Fault

if TYPE_CHECKING:
    from tests.features.conftest import Ausgabe

scenarios("s3_upload.feature")

ALWAYS = 1_000_000
BIG_QUERY = "select g as nummer, repeat(md5(g::text), 31) as text from generate_series(1, 510000) g"


@pytest.fixture
def messung() -> dict[str, Any]:
    """What the export of a big file measured."""
    return {}


@given(parsers.parse("eine Tabelle mit {rows:d} Buchungen ist veröffentlicht"))
def _(ausgabe: Ausgabe, rows: int) -> None:
    ausgabe.fill(rows)
    ausgabe.publish()
    assert ausgabe.error is None


@given("eine Abfrage, deren Datei 500 MB groß ist")
def _(messung: dict[str, Any]) -> None:
    messung["query"] = BIG_QUERY


def break_parts(ausgabe: Ausgabe, times: int, status: int, words: str) -> None:
    """Let the next parts be refused."""
    assert REFUSALS[status] == words.replace(" ", "")
    ausgabe.s3.faults = [Fault("upload part", status, times)]
    ausgabe.s3.parts.clear()


@given(parsers.parse('S3 antwortet auf die nächsten {times:d} Schreibversuche mit "{status:d} {words}"'))
def _(ausgabe: Ausgabe, times: int, status: int, words: str) -> None:
    break_parts(ausgabe, times, status, words)


@given(parsers.parse('S3 antwortet auf jeden Schreibversuch mit "{status:d} {words}"'))
def _(ausgabe: Ausgabe, status: int, words: str) -> None:
    break_parts(ausgabe, ALWAYS, status, words)


@when("sie veröffentlicht wird")
@when("sie veröffentlicht werden soll")
@when("sie noch einmal veröffentlicht werden soll")
def _(ausgabe: Ausgabe, messung: dict[str, Any]) -> None:
    if "query" in messung:
        arguments = [ausgabe.lab.dsn, ausgabe.s3.url, ausgabe.lab.target, messung["query"]]
        done = subprocess.run(
            [sys.executable, "-m", "tests.features.export_child", *arguments],
            env=os.environ | {"PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        messung |= json.loads(done.stdout)
        return
    ausgabe.publish()


@when(parsers.parse("sie mit höchstens {rows:d} Zeilen je Datei veröffentlicht wird"))
def _(ausgabe: Ausgabe, rows: int) -> None:
    ausgabe.publish(max_rows_per_file=rows)


@when("alle Dateien geschrieben, aber noch nicht veröffentlicht sind")
def _(ausgabe: Ausgabe) -> None:
    plan = ausgabe.lab.plan(ausgabe.lab.run(), ausgabe.export)
    assert ausgabe.lab.chunks(plan)


@then(parsers.parse('liegen im Bucket die Dateien "{keys}"'))
def _(ausgabe: Ausgabe, keys: str) -> None:
    assert ausgabe.error is None
    assert ausgabe.lab.files() == keys.split(", ")


@then(parsers.parse("liegen im Bucket {number:d} Dateien"))
def _(ausgabe: Ausgabe, number: int) -> None:
    assert ausgabe.error is None
    assert len(ausgabe.lab.files()) == number


@then(parsers.re(r'das Verzeichnis "_manifest.json" nennt (?P<files>\d+) Datei(en)? mit (?P<rows>\d+) Buchungen'))
def _(ausgabe: Ausgabe, files: str, rows: str) -> None:
    assert ausgabe.error is None
    export = ausgabe.lab.manifest().exports["buchungen"]
    assert (len(export.files), export.rows) == (int(files), int(rows))
    assert [file.key for file in export.files] == ausgabe.lab.files()


@then('das Verzeichnis "_manifest.json" nennt noch den vorigen Stand')
def _(ausgabe: Ausgabe) -> None:
    assert ausgabe.published is not None
    assert ausgabe.lab.manifest() == ausgabe.published.manifest
    assert len(ausgabe.lab.csv("buchungen")) == 1


@then("ist der Bucket leer")
def _(ausgabe: Ausgabe) -> None:
    assert list(ausgabe.lab.store.keys("")) == []


@then(parsers.parse("S3 wurde {times:d} Mal um dasselbe gebeten"))
def _(ausgabe: Ausgabe, times: int) -> None:
    assert len(ausgabe.s3.parts) == times
    assert len({path for path, _ in ausgabe.s3.parts}) == 1


@then("wurde vor den weiteren Versuchen höchstens 1, 2, 4 und 8 Sekunden gewartet")
def _(ausgabe: Ausgabe) -> None:
    assert ausgabe.error is None
    moments = [moment for _, moment in ausgabe.s3.parts]
    pauses = [later - earlier for earlier, later in pairwise(moments)]
    # Each pause is random between 0 and its limit, so that many clients do not retry at the same moment.
    busy_machine = 2
    assert len(pauses) == 4
    assert all(pause < limit + busy_machine for pause, limit in zip(pauses, (1, 2, 4, 8), strict=True))
    assert sum(pauses) > 0.1, "four requests without a pause take a hundredth of that"


@then("kein angefangener Upload bleibt liegen")
def _(ausgabe: Ausgabe) -> None:
    from billing_aggregator.export.store.abandoned_uploads import abort_run

    # What the run's last step does after a failure.
    abort_run(ausgabe.lab.store, [ausgabe.plans[-1]])
    assert ausgabe.lab.open_uploads() == []


@then(parsers.parse("ist die Datei im Bucket mindestens {size:d} MB groß"))
def _(ausgabe: Ausgabe, messung: dict[str, Any], size: int) -> None:
    (key,) = ausgabe.lab.files()
    stored = ausgabe.s3.client().head_object(Bucket=ausgabe.lab.target.removeprefix("s3://"), Key=key)
    assert stored["ContentLength"] == messung["bytes"] >= size * 1_000_000


@then(parsers.parse("der Speicherbedarf stieg um weniger als {limit:d} MB"))
def _(messung: dict[str, Any], limit: int) -> None:
    assert messung["rose"] < limit * 1_000_000
