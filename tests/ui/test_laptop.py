"""``make page``: the runs that are kept on this machine, from servers of its own, for this machine only."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest
from scripts import sample_nights
from starlette.testclient import TestClient

from billing_aggregator.config import ConfigError
from billing_aggregator.local import page
from tests.ui.conftest import CONTENT, newest, tag

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RUN = f"/runs/enercity/local/{tag('enercity')}"
HERE = "http://127.0.0.1"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The page, after one run has left its records and a copy of a file; another run's records are broken."""
    build: Path = tmp_path_factory.mktemp("build")
    folder = build / "run" / "20261126T020000Z-enercity-local-1"
    copy = folder / "files" / "enercity/local/customer/oibl_0000.csv"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(CONTENT)
    rows = [newest(sample_nights.rows(), "enercity")]
    (folder / "records.json").write_text(json.dumps(rows), encoding="utf-8")
    broken = build / "run" / "20261125T020000Z-enercity-local-2"
    broken.mkdir()
    (broken / "records.json").write_text("[{", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setattr(page, "build_folder", lambda: build)
        for name in ("HOST", "PORT", "NAME", "USER"):
            patch.delenv(f"BDA_DB_{name}", raising=False)
        # Set by the page, and to be forgotten behind this module.
        for name in ("BDA_DB_HOST", "BDA_DB_PORT", "BDA_DB_NAME", "BDA_DB_USER", "BDA_S3_URL", "BDA_S3_ACCESS_KEY",
                     "BDA_S3_SECRET_ACCESS_KEY"):  # fmt: skip
            patch.setenv(name, "")
        # moto keeps its buckets for all servers of a process.
        patch.setenv("BDA_S3_BUCKET", "bucket-of-a-laptop")
        entries = page.entries(sample_nights.config("enercity"), stack)
        yield page.local_app(entries, now=lambda: sample_nights.NOW)


def test_the_run_that_was_kept_is_shown(app: Any) -> None:
    html = TestClient(app, base_url=HERE).get("/").text
    assert 'data-name="enercity/local"' in html
    assert RUN in html
    assert "Airflow</a>" not in html


def test_the_copy_of_its_file_can_be_downloaded(app: Any) -> None:
    link = f"{RUN}/file?export=customer%2Foibl&index=0"
    answer = TestClient(app, base_url=HERE).get(link, follow_redirects=False)
    with urlopen(answer.headers["location"]) as file:  # noqa: S310 - our own server
        assert file.read() == CONTENT


def test_a_page_of_the_internet_cannot_ask_it(app: Any) -> None:
    assert TestClient(app, base_url="http://elsewhere.example").get("/").status_code == 400


def test_a_port_that_is_taken_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "build_folder", lambda: pytest.fail("it starts nothing"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match=f"port {taken.getsockname()[1]} of this machine: Address already in use"):
            page.serve(sample_nights.config("enercity"), taken.getsockname()[1])
