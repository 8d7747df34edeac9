"""The operators in a DAG, run by Airflow itself: plans, mapped exports, one publication, assets, links."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from billing_aggregator.export.reader import check_publication, current_manifest
from billing_aggregator.export.store.factory import open_store
from tests.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.local.s3 import LocalS3

HERE = Path(__file__).parent
RUNNER = HERE / "run_dag.py"


@pytest.fixture(scope="module")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("airflow")


def airflow_environment(home: Path, dsn: str, s3_server: LocalS3, target: str) -> dict[str, str]:
    """Return the environment of a process with an Airflow of its own and the two connections."""
    place = psycopg.conninfo.conninfo_to_dict(dsn)
    return os.environ | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(HERE / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(HERE.parents[2] / "plugins"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW_CONN_POSTGRES_DEFAULT": json.dumps(
            {
                "conn_type": "postgres",
                "host": place["host"],
                "port": int(place["port"] or 5432),
                "login": place["user"],
                "schema": place["dbname"],
            }
        ),
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(
            {
                "conn_type": "aws",
                "login": "a",
                "password": "b",
                "extra": {"endpoint_url": s3_server.url, "region_name": "eu-central-1"},
            }
        ),
        "EXPORT_EXAMPLE_TARGET": target,
        "PYTHONPATH": str(HERE.parents[2] / "plugins"),
    }


@pytest.fixture
def run_dag(
    airflow_home: Path, export_dsn: str, s3_server: LocalS3, bucket: str
) -> Callable[..., list[dict[str, Any]]]:
    """Return a function that runs a DAG in a process of its own, once for each configuration."""
    with psycopg.connect(export_dsn, autocommit=True) as connection:
        connection.execute("drop table if exists orders")
        connection.execute("create table orders as select g as id, g / 10.0 as amount from generate_series(1, 120) g")

    def run(
        *configurations: dict[str, Any], dag: str = "export_example", target: str | None = None
    ) -> list[dict[str, Any]]:
        environment = airflow_environment(airflow_home, export_dsn, s3_server, target or f"s3://{bucket}")
        done = subprocess.run(
            [sys.executable, RUNNER, dag, json.dumps(configurations)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        results: list[dict[str, Any]] = json.loads(done.stdout.rpartition("RESULT ")[2])
        return results

    return run


def frozen_tables(dsn: str) -> set[str]:
    """Return the frozen queries of this database, which other tests have too."""
    with psycopg.connect(dsn) as connection:
        found = connection.execute("select relname from pg_class where starts_with(relname, 'aggregator_export_')")
        return {name for (name,) in found}


def test_a_run_a_dry_run_and_a_failed_run(
    run_dag: Callable[..., list[dict[str, Any]]], s3_server: LocalS3, bucket: str, export_dsn: str
) -> None:
    target = f"s3://{bucket}"
    store = open_store(target, s3_server.client)
    before = frozen_tables(export_dsn)

    dry, result, failed = run_dag(
        *({"dry_run": False, "fail": False} | conf for conf in ({"dry_run": True}, {}, {"fail": True}))
    )

    assert dry["state"] == "success"
    assert dry["tasks"]["publish"] == ["skipped"]
    assert dry["tasks"]["end_exports"] == ["success"], "nothing was planned, so nothing is to be ended"
    assert dry["events"] == []

    assert result["state"] == "success"
    assert result["tasks"] == {
        "plan_orders": ["success"], "export_orders": ["success"] * 3,
        "plan_customer_big_orders": ["success"], "export_customer_big_orders": ["success"],
        "plan_empty": ["success"], "export_empty": ["skipped"],
        "publish": ["success"], "end_exports": ["success"],
    }  # fmt: skip
    manifest = current_manifest(store, "enercity", "prod")
    assert manifest is not None
    check_publication(store, manifest)
    assert {name: (export.rows, len(export.files)) for name, export in manifest.exports.items()} == {
        "orders": (120, 3),
        "customer/big_orders": (20, 1),
        "empty": (0, 0),
    }
    size = sum(file.bytes for file in manifest.exports["orders"].files)
    events = {event["name"]: event["extra"] for event in result["events"]}
    assert events[f"s3://{bucket}/enercity/prod/orders"] == {
        "rows": 120, "bytes": size, "files": 3, "manifest_key": "enercity/prod/_manifest.json",
    }  # fmt: skip
    assert set(events) == {f"s3://{bucket}/enercity/prod/{name}" for name in manifest.exports}
    assert result["links"]["publish"].endswith(f"/s3/buckets/{bucket}?prefix=enercity/prod/")
    assert result["links"]["plan_orders"] == result["links"]["export_orders"] == result["links"]["publish"]
    assert result["names"] == ["orders_0000", "orders_0001", "orders_0002"]
    assert [upload for upload, _ in store.open_uploads("enercity/")] == []
    assert frozen_tables(export_dsn) == before

    assert failed["state"] == "failed"
    assert failed["tasks"]["publish"] == ["failed"]
    assert failed["tasks"]["end_exports"] == ["success"]
    versions = s3_server.client().list_object_versions(Bucket=bucket, Prefix="enercity/prod/")
    # One run of three has written: four files and the manifest once; the lock comes and goes.
    written = [version["Key"] for version in versions["Versions"] if not version["Key"].endswith("_publishing.json")]
    assert sorted(written) == sorted([*manifest.keys, "enercity/prod/_manifest.json"])


@pytest.mark.timeout(1200)  # Airflow starts 67 tasks, one after another
def test_more_files_than_airflow_maps_tasks(
    run_dag: Callable[..., list[dict[str, Any]]], export_dsn: str, tmp_path: Path
) -> None:
    """Neighbouring files share a task."""
    with psycopg.connect(export_dsn, autocommit=True) as connection:
        connection.execute("drop table if exists many")
        connection.execute("create table many as select g as id from generate_series(1, 1100) g")
    target = (tmp_path / "out").as_uri()
    (result,) = run_dag({}, dag="many_files", target=target)
    assert result["state"] == "success"
    assert result["tasks"] == {
        "plan": ["success"], "chunk": ["success"] * 64, "publish": ["success"], "end_exports": ["success"],
    }  # fmt: skip
    store = open_store(target, s3_client=lambda: None)
    manifest = current_manifest(store, "enercity", "prod")
    assert manifest is not None
    assert [file.rows for file in manifest.exports["many"].files] == [1] * 1100
    check_publication(store, manifest)
    assert list(store.open_uploads("enercity/")) == []
