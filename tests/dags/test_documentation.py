"""What the UI shows as a DAG's documentation says what its operators need, and is right."""

from __future__ import annotations

import re
from typing import Any

import pytest

from billing_aggregator.config import ClientConfig
from billing_aggregator.dag.documentation import documentation
from billing_aggregator.night import read_night
from billing_aggregator.runs.params import declare_params
from tests.conftest import ROOT, SQL_ROOT


def page_of(**values: Any) -> str:
    """Return the documentation of a client with the project's scripts."""
    base = {
        "client": "acme",
        "environment": "prod",
        "s3_bucket": "exports",
        "dependencies": {"bookkeeper": (), "tripica": ("bookkeeper",)},
        "scripts_dir": str(SQL_ROOT),
    }
    config = ClientConfig.model_validate(base | values)
    return documentation(read_night(config), declare_params(config))


def rows(page: str) -> dict[str, list[str]]:
    """Return first cell -> other cells of the page's tables."""
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line[:1] == "|"]
    return {cells[0]: cells[1:] for cells in found}


def test_it_says_what_runs_when_and_who_is_told() -> None:
    facts = rows(page_of(alerts={"email": ["ops@example.com", "b@example.com"], "slack": True}))
    assert facts["runs"] == ["by the schedule `0 2 * * *`, in UTC"]
    assert facts["business date"] == ["the day of the run in Europe/Berlin, or the param `business_date`"]
    assert facts["systems"] == ["bookkeeper, then tripica"]
    assert facts["deadline"] == [
        "published 120 minutes after the scheduled start, else an alert is sent; a run is stopped after 120 minutes"
    ]
    assert facts["warehouse"] == ["connection `octopus_acme_prod`"]
    assert facts["alerts"] == ["mail to ops@example.com, b@example.com and Slack by the connection `slack_alerts`"]
    assert "left out" not in facts
    assert "dry run" not in facts


def test_it_says_what_is_unusual() -> None:
    facts = rows(page_of(schedule=None, ignore_systems=("tripica",), dry_run=True, deadline_minutes=None))
    assert facts["runs"] == ["only when somebody triggers it"]
    assert facts["systems"] == ["bookkeeper"]
    assert facts["left out"] == ["tripica, unless the param `systems` asks for it"]
    assert facts["dry run"] == ["nothing is published, unless the param `dry_run` says otherwise"]
    assert facts["deadline"] == ["none; a run is stopped after 120 minutes"]
    assert facts["alerts"] == ["**nobody**: set `alerts` in `include/clients.yaml`"]


def test_it_says_where_the_files_go() -> None:
    page = page_of(key_template="{client}/{environment}/{business_date}/{file}")
    start = "acme/prod/{business_date}"
    facts = rows(page)
    assert facts["`tripica_results`"] == [f"`{start}/tripica_results_0000.csv`", "`report_oibl.tripica_results`"]
    assert facts["`customer/oibl`"] == [f"`{start}/customer/oibl_0000.csv`", "`archive/customer/oibl.sql`"]
    assert "bucket `exports`, at most 1,000,000 rows in each file" in page
    assert "`acme/prod/_manifest.json`" in page
    # No files of systems that the client does not have.
    assert list(rows(page_of(systems=("bookkeeper",))))[-1] == "`bookkeeper_results`"


@pytest.mark.parametrize("url", ["", "https://docs.example.com/runbook"])
def test_it_says_what_to_do_when_it_fails(url: str) -> None:
    page = page_of(alerts={"runbook_url": url})
    assert (f"[The runbook]({url}): what each alert means" in page) == bool(url)
    pages = set(re.findall(r"`(docs/[\w.]+)`", page))
    assert pages == {"docs/checks.md", "docs/errors.md", "docs/stamps.md"} | ({"docs/runbook.md"} if not url else set())
    assert all((ROOT / name).is_file() for name in pages)


def test_it_names_every_param_and_only_tasks_that_exist() -> None:
    from airflow.dag_processing.dagbag import BundleDagBag

    folder = ROOT / "dags"
    bag = BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags-folder")
    nights = [dag for name, dag in bag.dags.items() if name.startswith("billing_data_aggregator_")]
    assert len(nights) > 1
    for dag in nights:
        page = str(dag.doc_md)
        assert re.findall(r"^- `(\w+)`: \S", page, re.MULTILINE) == list(dag.params)
        assert "publish.publish" in dag.task_dict
        assert "`publish.publish`" in page
        assert dag.dag_id.endswith(page.splitlines()[0].removeprefix("## Billing data of ").replace(" / ", "_"))
