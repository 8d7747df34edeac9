"""The rows that differ between two publications, on the page: of real files in a real bucket."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from scripts import sample_nights
from starlette.testclient import TestClient

from billing_aggregator.ui import desk, row_differences
from billing_aggregator.ui.viewers import Everybody, everybody
from tests.waiting import PATIENCE_SECONDS, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from billing_aggregator.publications.compare import ExportComparison

    App = Callable[..., FastAPI]
ROWS = "/rows?export=customer%2Foibl"


class Onlooker(Everybody):
    """Sees every client, and may have no rows."""

    def may_download(self, dag_id: str) -> bool:
        return False


@pytest.fixture(scope="module")
def page(app: App) -> TestClient:
    return TestClient(app(everybody))


def test_the_rows_that_differ_are_shown_by_their_key(page: TestClient, published: str) -> None:
    assert f'href="{published}/rows?other=' in page.get(published).text
    html = page.get(published + ROWS).text
    assert "1 row changed, 1 new, 1 gone; 1 equal." in html
    assert '<td rowspan="1">transaction_id &#34;b&#34;</td>' in html
    assert "<td>amount_gross</td><td>&#34;3.10&#34;</td><td>&#34;3.00&#34;</td>" in html
    assert "&lt;script&gt;alert(1)" in html
    assert "<script>alert" not in html


def test_who_may_only_look_sees_no_rows(app: App, published: str) -> None:
    page = TestClient(app(Onlooker))
    html = page.get(published).text
    assert "is customers' data: only those who may trigger this client's DAG" in html
    assert "/compare/rows" not in html
    answer = page.get(published + ROWS)
    assert answer.status_code == 403
    assert "3.10" not in answer.text


@pytest.mark.parametrize("query", ["?export=no/such", "", "?export=../oibl"])
def test_an_export_that_is_not_there_is_refused(page: TestClient, published: str, query: str) -> None:
    assert page.get(f"{published}/rows{query}").status_code == 404


def test_a_run_whose_manifest_is_gone_is_one_sentence(page: TestClient, published: str) -> None:
    rows = [row for row in sample_nights.rows() if row["client"] == "enercity" and row["published_at"]]
    html = page.get(f"{published}{ROWS}&other={rows[-9]['tag']}").text
    assert f"The rows cannot be compared here: the bucket has no manifest of run {rows[-9]['run_id']} any more" in html
    assert "publications compare --client enercity" in html


def test_what_is_too_large_for_the_server_is_left_to_the_command_line(
    app: App, published: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_differences, "MOST_BYTES", 10)
    html = TestClient(app(everybody)).get(published + ROWS).text
    assert "use the command line" in html
    assert "3.10" not in html


def test_a_comparison_that_takes_long_says_so_and_asks_again(
    app: App, published: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    application, done = app(everybody), Event()
    page = TestClient(application)
    page.get(published)
    compare = row_differences.row_differences

    def slow(*asked: Any) -> ExportComparison:
        assert done.wait(PATIENCE_SECONDS)
        return compare(*asked)

    monkeypatch.setattr(desk, "row_differences", slow)
    monkeypatch.setattr(application.state.desk, "_patience", 0.0)
    html = page.get(published + ROWS).text
    assert "The files are being read and compared; this page reloads itself." in html
    assert '<meta http-equiv="refresh"' in html
    done.set()
    wait_for(lambda: "1 row changed" in page.get(published + ROWS).text, "the rows are compared")
