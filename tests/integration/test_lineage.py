"""A whole run of a DAG tells its lineage to OpenLineage's provider, which writes its events to a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.features.nightly import Nachtlauf, Nightly

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from billing_aggregator.local.s3 import LocalS3

WARNING = (
    "-- warn: no booking has the number 7\nselect nummer from report_oibl.new_bookkeeper_results where nummer = 7\n"
)


@pytest.fixture(scope="module")
def told(
    tmp_path_factory: pytest.TempPathFactory,
    postgres: EmbeddedPostgres,
    new_warehouse: Callable[[], str],
    s3_server: LocalS3,
) -> dict[str, dict[str, Any]]:
    """The last event of each task of a run, by the task's id."""
    folder: Path = tmp_path_factory.mktemp("lineage")
    events = folder / "events.json"
    transport = {"type": "file", "log_file_path": str(events), "append": True}
    nightly = Nightly(
        folder,
        {"AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport), "AIRFLOW__OPENLINEAGE__NAMESPACE": "house"},
    )
    s3_server.create_bucket("lineage")
    night = Nachtlauf(nightly, postgres, s3_server, new_warehouse(), "lineage")
    night.small_scripts(folder / "sql", **{"audits/bookkeeper/200_sieben.sql": WARNING})
    try:
        night.run()
    finally:
        nightly.close()
    assert night.state == "success", night.log[-3000:]
    found: dict[str, dict[str, Any]] = {}
    for line in events.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event["eventType"] == "COMPLETE":
            found[event["job"]["name"].partition(".")[2]] = event
    return found


def names(datasets: list[dict[str, Any]]) -> list[str]:
    """Return the datasets' names without the database."""
    return [dataset["name"].partition(".")[2] for dataset in datasets]


def test_a_script_tells_its_tables(told: dict[str, dict[str, Any]]) -> None:
    event = told["init.tripica.010_liste"]
    assert names(event["inputs"]) == ["report_oibl.new_bookkeeper_results"]
    assert names(event["outputs"]) == ["report_oibl.new_tripica_results"]
    assert event["inputs"][0]["namespace"].startswith("postgres://127.0.0.1:")


def test_checks_tell_what_held(told: dict[str, dict[str, Any]]) -> None:
    (dataset,) = told["audits.bookkeeper"]["inputs"]
    assertions = dataset["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert [(one["name"], one["success"]) for one in assertions] == [
        ("audits/bookkeeper/100_summe.sql", True),
        ("audits/bookkeeper/200_sieben.sql", False),
    ]


def test_the_publication_tells_its_files(told: dict[str, dict[str, Any]]) -> None:
    event = told["publish.publish"]
    found = {dataset["name"]: dataset for dataset in event["outputs"]}
    oibl = found["enercity/local/customer/oibl"]
    assert oibl["namespace"] == "s3://lineage"
    fields = [(field["name"], field["type"]) for field in oibl["facets"]["schema"]["fields"]]
    assert fields == [("nummer", "integer"), ("betrag", "numeric")]
    statistics = oibl["outputFacets"]["outputStatistics"]
    assert (statistics["rowCount"], statistics["fileCount"]) == (120, 1)
    assert statistics["size"] > 120
    assert set(names(event["inputs"])) == {"report_oibl.bookkeeper_results", "report_oibl.tripica_results"}
