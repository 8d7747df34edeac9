"""What scripts, checks and publications tell OpenLineage; and that nothing of it is imported for that."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from billing_aggregator.operators.lineage import (
    Warehouse,
    checks_lineage,
    publication_lineage,
    script_lineage,
    tables_of,
)
from billing_aggregator.sql.sources import heading_sources
from tests.conftest import ROOT, SQL_ROOT

PLACE = Warehouse("warehouse.example", 5432, "octopus")


def names(datasets: list[object]) -> list[str]:
    return [str(getattr(dataset, "name", "")) for dataset in datasets]


@pytest.mark.parametrize(
    ("heading", "tables"),
    [
        (
            "-- Sources: data_charges, a_vault.claims, locks; base_data.",
            ["report_oibl.data_charges", "a_vault.claims", "a_vault.locks", "report_oibl.base_data"],
        ),
        ("-- Sources: one,\n--          two.\n-- Order:   three.", ["report_oibl.one", "report_oibl.two"]),
        ("-- Sources: datalake_vault; pg_class (the catalogue, of all), none.", []),
        ("-- Purpose: no sources.\nselect 1", []),
    ],
)  # fmt: skip
def test_a_heading_names_its_sources(heading: str, tables: list[str]) -> None:
    assert list(heading_sources(heading)) == tables


def test_a_script_tells_what_it_reads_and_makes() -> None:
    text = (
        "-- Sources: x_vault.hidden.\ndrop table if exists report_oibl.made;\n"
        "create unlogged table report_oibl.made as select 1 from x_vault.seen inner join inner_one using (id);\n"
        "analyze report_oibl.made;\ninsert into report_oibl.made select 2 from report_oibl.made;\n"
    )
    lineage = script_lineage(PLACE, text)
    assert names(lineage.inputs) == ["octopus.report_oibl.inner_one", "octopus.x_vault.hidden", "octopus.x_vault.seen"]
    assert names(lineage.outputs) == ["octopus.report_oibl.made"]
    assert {dataset.namespace for dataset in lineage.inputs} == {"postgres://warehouse.example:5432"}


def test_every_init_script_of_ours_makes_and_reads_tables() -> None:
    scripts = sorted((SQL_ROOT / "init").rglob("[0-9]*.sql"))
    assert len(scripts) > 20
    makes = {path.name: tables_of(path.read_text(encoding="utf-8"))[1] for path in scripts}
    assert [name for name, made in makes.items() if not made and "schema" not in name] == []


def test_checks_tell_what_held_of_which_table() -> None:
    passed = {"check": "audits/a.sql", "state": "passed", "severity": "fail", "title": "adds up", "violations": 0}
    warned = {"check": "audits/b.sql", "state": "violated", "severity": "warn", "title": "is near", "violations": 3}
    skipped = {"check": "audits/c.sql", "state": "skipped", "severity": "warn", "title": "is near", "violations": 0}
    text = "-- fail: x\nselect 1 from report_oibl.list"
    (dataset,) = checks_lineage(PLACE, [(text, passed), (text, warned), (text, skipped)]).inputs
    found = dataset.inputFacets["dataQualityAssertions"].assertions
    assert dataset.name == "octopus.report_oibl.list"
    assert [(one.name, one.success, one.severity, one.actual) for one in found] == [
        ("audits/a.sql", True, "error", "0"), ("audits/b.sql", False, "warn", "3"),
    ]  # fmt: skip


COLUMNS = [
    {"name": "id", "type": "bigint", "description": ""},
    {"name": "amount", "type": "numeric(20,2)", "description": "in euros"},
]


def test_a_publication_tells_columns_rows_bytes_and_files() -> None:
    export = {"rows": 3, "bytes": 40, "files": [{}, {}], "column_details": COLUMNS}
    lineage = publication_lineage(PLACE, "s3://bucket", "enercity/prod/", {"customer/oibl": export}, ["r.list"])
    (dataset,) = lineage.outputs
    assert (dataset.namespace, dataset.name) == ("s3://bucket", "enercity/prod/customer/oibl")
    assert [(field.name, field.type, field.description) for field in dataset.facets["schema"].fields] == [
        ("id", "bigint", None),
        ("amount", "numeric(20,2)", "in euros"),
    ]
    statistics = dataset.outputFacets["outputStatistics"]
    assert (statistics.rowCount, statistics.size, statistics.fileCount) == (3, 40, 2)
    assert names(lineage.inputs) == ["octopus.r.list"]


def test_a_task_imports_nothing_of_openlineage() -> None:
    code = "import json, sys, billing_aggregator.dag; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "plugins", capture_output=True, check=True)
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert "billing_aggregator.operators.lineage" in loaded
    # Airflow's own list of providers reads what each says of itself.
    own = ("openlineage", "airflow.providers.openlineage.extractors", "airflow.providers.openlineage.sqlparser")
    assert [name for name in loaded if name.startswith(own)] == []
