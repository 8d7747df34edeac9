"""What the page answers over HTTP, against a real warehouse and a real S3 server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest
from fastapi import HTTPException
from scripts.describe_columns import meanings
from starlette.testclient import TestClient

from billing_aggregator.ui.viewers import Everybody, everybody
from tests.ui.conftest import CONTENT, tag

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    App = Callable[..., FastAPI]


class Onlooker(Everybody):
    """May see enercity, and download nothing."""

    def visible_dags(self) -> frozenset[str]:
        return frozenset({"billing_data_aggregator_enercity_local"})

    def may_download(self, dag_id: str) -> bool:
        return False


@pytest.fixture(scope="module")
def page(app: App) -> TestClient:
    return TestClient(app(everybody))


def card(html: str, name: str) -> str:
    found = re.search(rf'data-name="{name}".*?</section>', html, re.DOTALL)
    assert found, f"no card of {name}"
    return found[0]


@pytest.mark.parametrize(
    ("client", "state", "sentence"),
    [
        ("enercity", "good", "The list of 2026-11-26 is there and whole"),
        ("lynqtech", "look", "is there and whole, but it was late"),
        ("purpur-energy", "look", "is there and whole, with warnings"),
        ("q-cells", "bad", "is not there: the run failed"),
        ("stadtwerk-nord", "bad", "is not there, and it is late"),
        ("wind-und-wetter", "bad", "the warehouse does not answer"),
        ("zz-broken", "bad", "The configuration is wrong"),
    ],
)
def test_each_state_looks_like_what_it_is(page: TestClient, client: str, state: str, sentence: str) -> None:
    html = page.get("/").text
    assert f'class="card {state}" data-name="{client}/local"' in html
    assert sentence in card(html, f"{client}/local")


def test_a_failed_night_says_what_readers_see(page: TestClient) -> None:
    assert "Readers still see the list of 2026-11-25." in card(page.get("/").text, "q-cells/local")


def test_nothing_is_told_of_passwords_and_nothing_runs_that_was_written_by_others(page: TestClient) -> None:
    answer = page.get("/")
    assert "s3cretpassword" not in answer.text
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert answer.headers["cache-control"] == "private, no-store"
    assert " style=" not in answer.text
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', answer.text)


def test_a_night_leads_to_its_run(page: TestClient) -> None:
    link = f"/runs/purpur-energy/local/{tag('purpur-energy')}"
    assert f'href="{link}"' in page.get("/").text
    html = page.get(link).text
    assert "published with warnings" in html
    assert "customer_group, open_items, open_items_before" in html
    assert re.search(r"p-init.*?<title>init: \d+ min", html)
    assert "Beside those of 2026-11-25" in html


def test_a_failed_run_names_its_violated_check(page: TestClient) -> None:
    html = page.get(f"/runs/q-cells/local/{tag('q-cells')}").text
    assert "What went wrong" in html
    assert "the vault has changed within the last 36 hours" in html
    assert "None: this run has published nothing." in html


def test_two_publications_are_compared_in_numbers(page: TestClient) -> None:
    html = page.get(f"/runs/enercity/local/{tag('enercity')}/compare").text
    assert "2026-11-26 and 2026-11-25" in html
    assert "publications compare --client enercity --environment local scheduled__2026-11-25T02:00:00+00:00" in html
    assert "The columns are the same; 1 file and 1 file, which differ." in html


def test_a_file_is_downloaded_in_the_runs_own_version(page: TestClient) -> None:
    run = f"/runs/enercity/local/{tag('enercity')}"
    link = f"{run}/file?export=customer%2Foibl&amp;index=0"
    assert link in page.get(run).text
    answer = page.get(link.replace("&amp;", "&"), follow_redirects=False)
    assert answer.status_code == 303
    address = answer.headers["location"]
    assert "versionId=" in address
    assert "X-Amz-Expires=600" in address
    with urlopen(address) as file:  # noqa: S310 - our own server
        assert file.read() == CONTENT


def test_a_run_says_what_its_columns_mean_in_the_words_of_the_warehouse(page: TestClient) -> None:
    html = page.get(f"/runs/enercity/local/{tag('enercity')}").text
    for name, kind in (("cba", "text"), ("amount_gross", "numeric(20,2)")):
        meaning = meanings("tripica_results")[name]
        assert f'<code>{name}</code></td><td>{meaning}</td><td class="quiet">{kind}</td>' in html


@pytest.mark.parametrize("index", ["1", "-1", "x", "", "²"])
def test_a_file_that_is_not_there_is_refused(page: TestClient, index: str) -> None:
    answer = page.get(f"/runs/enercity/local/{tag('enercity')}/file?export=customer%2Foibl&index={index}")
    assert answer.status_code == 404


def test_who_may_only_look_sees_their_client_and_downloads_nothing(app: App) -> None:
    page = TestClient(app(Onlooker))
    html = page.get("/").text
    assert "enercity" in html
    assert '<p class="lead">The list is there and whole.</p>' in html
    assert "q-cells" not in html
    assert page.get(f"/runs/q-cells/local/{tag('q-cells')}").status_code == 404
    run = f"/runs/enercity/local/{tag('enercity')}"
    assert "file?export" not in page.get(run).text
    assert page.get(f"{run}/file?export=customer%2Foibl&index=0").status_code == 403


def test_who_may_see_nothing_is_told_so(app: App) -> None:
    class Nobody(Everybody):
        def visible_dags(self) -> frozenset[str]:
            return frozenset()

    html = TestClient(app(Nobody)).get("/").text
    assert "Nothing to show" in html
    assert 'class="card' not in html


def test_an_unknown_run_and_an_unreachable_warehouse_are_one_sentence_each(page: TestClient) -> None:
    unknown = page.get("/runs/enercity/local/00000000")
    assert unknown.status_code == 404
    assert "enercity/local has no run 00000000 in the last 60 nights." in unknown.text
    away = page.get("/runs/wind-und-wetter/local/00000000")
    assert away.status_code == 503
    assert "The warehouse of wind-und-wetter/local does not answer: " in away.text


def test_who_has_not_logged_in_is_sent_to_the_login(app: App) -> None:
    from fastapi.responses import RedirectResponse

    def nobody() -> None:
        raise HTTPException(401, "Not authenticated")

    page = TestClient(app(nobody, to_login=lambda _: RedirectResponse("/login", 303)))
    answer = page.get("/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
