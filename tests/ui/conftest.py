"""Fixtures: a warehouse with the invented nights, and the page that shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from scripts import sample_nights

from billing_aggregator.config import BrokenConfig, ClientConfig
from billing_aggregator.local import records
from billing_aggregator.local.postgres import EmbeddedPostgres, free_port
from billing_aggregator.local.s3 import ACCESS_KEY, SECRET_KEY, LocalS3
from billing_aggregator.local.warehouse import DATABASE, ROLE, create_octopus
from billing_aggregator.ui.app import create_app
from tests.ui.published import BEFORE, NOW, publish
from tests.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import FastAPI

# What the file of a run holds that can be downloaded.
CONTENT = b"cba,amount_gross\n1,2.00\n"
BUCKET = "billing-data-aggregator-local"


@pytest.fixture(scope="module")
def nights(s3_server: LocalS3) -> Iterator[EmbeddedPostgres]:
    """A server of its own with the invented runs, where the ``BDA_*`` variables say."""
    with EmbeddedPostgres() as server, pytest.MonkeyPatch.context() as patch:
        create_octopus(server)
        rows = sample_nights.rows()
        if BUCKET not in {bucket["Name"] for bucket in s3_server.client().list_buckets()["Buckets"]}:
            s3_server.create_bucket(BUCKET)
        put = s3_server.client().put_object(Bucket=BUCKET, Key="enercity/local/customer/oibl_0000.csv", Body=CONTENT)
        newest(rows, "enercity")["exports"]["customer/oibl"]["files"][0]["version_id"] = put["VersionId"]
        records.load(server, rows)
        for name, value in {
            "BDA_DB_HOST": server.host, "BDA_DB_PORT": str(server.port), "BDA_DB_NAME": DATABASE, "BDA_DB_USER": ROLE,
            "BDA_S3_URL": s3_server.url, "BDA_S3_ACCESS_KEY": ACCESS_KEY, "BDA_S3_SECRET_ACCESS_KEY": SECRET_KEY,
            "AIRFLOW_CONN_AWAY": f"postgresql://nobody:s3cretpassword@127.0.0.1:{free_port()}/octopus",
        }.items():  # fmt: skip
            patch.setenv(name, value)
        yield server


@pytest.fixture(scope="module")
def app(nights: EmbeddedPostgres, s3_server: LocalS3) -> Callable[..., FastAPI]:
    """Return a function that makes the page for a viewer."""

    def make(viewer: Callable[..., Any], **options: Any) -> FastAPI:
        found = entries(s3_server.url)
        known: dict[str, Any] = {"now": lambda: sample_nights.NOW, "patience": PATIENCE_SECONDS}
        return create_app(lambda: list(found), viewer, **(known | options))

    return make


@pytest.fixture(scope="module")
def published(nights: EmbeddedPostgres, s3_server: LocalS3) -> Iterator[str]:
    """Two nights of enercity are in the bucket; the address of their comparison."""
    s3, rows = s3_server.client(), [row for row in sample_nights.rows() if row["client"] == "enercity"]
    for run, content in ((rows[-2], BEFORE), (rows[-1], NOW)):
        publish(s3, BUCKET, run, content)
    yield f"/runs/enercity/local/{rows[-1]['tag']}/compare"
    for version in s3.list_object_versions(Bucket=BUCKET, Prefix="enercity/local/_manifest.json")["Versions"]:
        s3.delete_object(Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"])


def entries(s3_url: str) -> list[ClientConfig | BrokenConfig]:
    """Return the clients of the invented nights, one whose warehouse is away, and one whose entry is wrong."""
    configs = [sample_nights.config(client) for client in (*sample_nights.CLIENTS, "wind-und-wetter")]
    configs[-1] = configs[-1].model_copy(update={"db_conn_id": "away"})
    here = [config.model_copy(update={"s3_url": s3_url}) for config in configs]
    return [*here, BrokenConfig("zz-broken", "local", "clients.yaml: line 9: <script>alert(1)</script>")]


def newest(rows: list[dict[str, Any]], client: str) -> dict[str, Any]:
    """Return the last of a client's runs."""
    return next(row for row in reversed(rows) if row["client"] == client)


def tag(client: str) -> str:
    """Return the tag of a client's last run."""
    return str(newest(sample_nights.rows(), client)["tag"])
