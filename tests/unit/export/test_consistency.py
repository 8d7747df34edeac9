"""An older business date does not replace a newer one by accident."""

from __future__ import annotations

import pytest

from billing_aggregator.export.errors import PublicationSupersededError
from billing_aggregator.export.keys import ExportRun
from billing_aggregator.export.manifest import Manifest
from billing_aggregator.export.publish.consistency import check_newer
from billing_aggregator.runs.params import chosen_date


def published(run_id: str, day: str, tag: str = "") -> Manifest:
    return Manifest(
        run_id=run_id,
        run_tag=tag,
        client="enercity",
        environment="prod",
        business_date=day,
        published_at="2026-11-22T02:00:00+00:00",
        exports={},
    )


RUN = ExportRun("s3://b", "enercity", "prod", "2026-11-20", "scheduled__1")


def test_a_newer_day_of_another_run_stays() -> None:
    with pytest.raises(PublicationSupersededError, match="trigger a run with the param business_date = 2026-11-20"):
        check_newer(published("scheduled__2", "2026-11-21"), RUN)


@pytest.mark.parametrize(
    "earlier",
    [None, published("scheduled__2", "2026-11-20"), published("x", "2026-11-19"), published(RUN.run_id, "2026-11-21")],
    ids=["nothing", "the same day", "an older day", "this run"],
)
def test_anything_else_is_replaced(earlier: Manifest | None) -> None:
    check_newer(earlier, RUN)


def test_the_same_run_id_in_another_airflow_is_another_run() -> None:
    ours = ExportRun("s3://b", "enercity", "prod", "2026-11-20", "scheduled__1", "aaaa1111")
    check_newer(published("scheduled__1", "2026-11-21", "aaaa1111"), ours)
    check_newer(published("scheduled__1", "2026-11-21"), ours)
    with pytest.raises(PublicationSupersededError):
        check_newer(published("scheduled__1", "2026-11-21", "bbbb2222"), ours)


@pytest.mark.parametrize("day", [None, "2026-11-20"])
def test_a_date_is_chosen_by_the_param_alone(day: str | None) -> None:
    assert chosen_date({"params": {"business_date": day, "dry_run": False}}) is (day is not None)
