"""Hostile texts in the vault's rows: the list has them exactly, and nothing of them was executed."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from billing_aggregator.alerts import texts
from billing_aggregator.alerts.events import Event, Fact
from billing_aggregator.config.export_options import ExportOptions
from billing_aggregator.export.plan.planner import Export
from billing_aggregator.export.reader import check_publication, read_csv
from billing_aggregator.export.store.factory import open_store
from tests.conftest import SQL_ROOT
from tests.exporting import Lab
from tests.golden.build import run_phases
from tests.hostile.texts import HOSTILE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres

TABLES = """
select count(*) from pg_class where relnamespace = 'report_oibl'::regnamespace and relkind = 'r'
"""


@pytest.mark.parametrize("formulas", ["keep", "neutralise"])
def test_the_list_has_them_exactly(
    postgres: EmbeddedPostgres, new_warehouse: Callable[[], str], tmp_path: Path, formulas: str
) -> None:
    """Customers whose names are hostile, through init, release, export, manifest and the reader."""
    database = new_warehouse()
    with psycopg.connect(postgres.dsn(database), autocommit=True) as owner:
        people = owner.execute("select ouid from datalake_vault.login order by ouid").fetchall()
        names = dict(zip((ouid for (ouid,) in people), HOSTILE, strict=False))
        for ouid, name in names.items():
            owner.execute("update datalake_vault.login set externalid = %s where ouid = %s", [name, ouid])
    with psycopg.connect(postgres.dsn(database, "billing_aggregator")) as connection:
        run_phases(connection, SQL_ROOT, "enercity", "init", "release")
        in_database = connection.execute("select distinct customer_id from report_oibl.oibl_customer").fetchall()
        tables = connection.execute(TABLES).fetchone()
    target = (tmp_path / "out").as_uri()
    lab = Lab(postgres.dsn(database), "psycopg", open_store(target, lambda: None), target)
    lab.options = ExportOptions.model_validate({"dialect": {"formulas": formulas}})
    query = (SQL_ROOT / "archive/customer/oibl.sql").read_text(encoding="utf-8")
    lab.whole_run([Export("customer/oibl", query=query)])
    manifest = lab.manifest()
    check_publication(lab.store, manifest)
    published = {row["customer_id"] for row in _rows(lab, manifest)}
    shown = {name for (name,) in in_database if name in HOSTILE}
    assert len(shown) > 3, "the sample shows too few of them"
    if formulas == "keep":
        assert shown <= published
    else:
        assert shown <= {text.removeprefix("'") for text in published}
        assert not [text for text in published if text.startswith(("=", "+", "@", "\t"))]
    assert tables is not None
    assert tables[0] > 0
    assert set(lab.files()) == {"enercity/prod/customer/oibl_0000.csv"}


def _rows(lab: Lab, manifest: Any) -> list[dict[str, str]]:
    export = manifest.exports["customer/oibl"]
    text = b"".join(read_csv(lab.store, export, file) for file in export.files).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("text", HOSTILE)
def test_an_alert_shows_them_as_text(text: str) -> None:
    event = Event(
        "task_failed", text, (Fact("Error", text), Fact("Log", "log", "https://airflow.example.com/?a=1&b=2"))
    )
    html = texts.html(event)
    assert "<script" not in html
    slack = str(texts.slack_blocks(event)[1:]) + texts.slack_text(event)
    assert "<!channel>" not in slack
    assert "<http://x.example" not in slack
