"""``publications list`` from the warehouse: runs that failed and checks that warned are there, with what is current."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.config.load import load_client
from billing_aggregator.publications.errors import UnreadableError
from billing_aggregator.publications.runs import list_runs, recorded_runs
from billing_aggregator.runs.run_records import ensure_tables, record_end, record_publication, record_start
from billing_aggregator.runs.summary import CheckOutcome, ExportFigures, RunSummary
from tests.integration.runs.identities import FIRST, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.config import ClientConfig

# Outside local a connection needs TLS, which the test's server has not.
RUNS = tuple(replace(run, environment="local") for run in (FIRST, SECOND))
CONNECTION = "AIRFLOW_CONN_OCTOPUS_ENERCITY_LOCAL"


@pytest.fixture
def config(connect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> ClientConfig:
    """The client of the recorded runs; its warehouse is the test's, its bucket cannot be reached."""
    connection = connect()
    with connection.cursor() as cursor:
        cursor.execute("select inet_server_port(), current_database(), current_user")
        monkeypatch.setenv(CONNECTION, "postgres://{2}@127.0.0.1:{0}/{1}?sslmode=disable".format(*cursor.fetchone()))
    monkeypatch.setenv("BDA_S3_ACCESS_KEY", "local")
    monkeypatch.setenv("BDA_S3_SECRET_ACCESS_KEY", "local-only")
    ensure_tables(connection)
    now = datetime.now(UTC)
    checks = (
        CheckOutcome("audits.tripica.400", "warn", "odd", 3),
        CheckOutcome("audits.tripica.300", "warn", "fine", 0),
    )
    for run, state, error in ((RUNS[0], "success", None), (RUNS[1], "failed", "no money")):
        record_start(connection, run, business_date="2026-11-20", dry_run=False)
        if state == "success":
            record_publication(connection, run, {})
        summary = RunSummary(
            run=run, business_date="2026-11-20", dry_run=False, state=state, started_at=now, ended_at=now,  # type: ignore[arg-type]  # the literal's type is lost in the loop
            exports=(ExportFigures("book", 7, 2, 99, {}),), checks=checks, error=error,
        )  # fmt: skip
        record_end(connection, summary)
    found = load_client(RUNS[0].client, RUNS[0].environment)
    return found.model_copy(update={"s3_url": "http://127.0.0.1:9", "s3_bucket": "nowhere"})


def test_the_warehouse_knows_failed_runs_and_warnings(config: ClientConfig) -> None:
    found = list_runs(config, 10)
    assert found.source == "warehouse"
    assert "cannot be reached" in found.notes[0]
    newest, first = found.runs
    assert (newest.state, newest.error, newest.published_at) == ("failed", "no money", None)
    assert (first.state, first.rows, first.files, first.warnings) == ("success", 7, 2, ("audits.tripica.400",))
    assert first.published_at
    assert [run.run_id for run in list_runs(config, 1).runs] == [newest.run_id]


def test_a_table_of_an_earlier_version_is_read_too(config: ClientConfig, connect: Callable[..., Any]) -> None:
    connection = connect()
    with connection.cursor() as cursor:
        cursor.execute("alter table report_oibl.aggregator_runs drop column checks, drop column published_at")
    connection.commit()
    assert [run.warnings for run in list_runs(config, 10).runs] == [None, None]


def test_neither_warehouse_nor_bucket_is_one_sentence(config: ClientConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONNECTION, "postgres://nobody@127.0.0.1:9/nothing?sslmode=disable")
    with pytest.raises(UnreadableError, match=r"warehouse 127.0.0.1:9/.* cannot be reached.*; bucket nowhere at"):
        list_runs(config, 10)
    with pytest.raises(UnreadableError, match="warehouse"):
        recorded_runs(config, 10)
