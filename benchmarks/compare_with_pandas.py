"""SqlToS3Operator and our export of the same table: seconds, memory, and what comes back when files are loaded."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from typing import Any
from urllib.parse import urlsplit

import psycopg

from benchmarks.export_bench import ROOT, Bench
from billing_aggregator.export.reader import current_manifest, read_csv


def compare_with_pandas(bench: Bench) -> dict[str, Any]:
    """Run SqlToS3Operator and our whole protocol on the same S3 server; load both back and count what differs."""
    url, place = urlsplit(bench.moto.url), psycopg.conninfo.conninfo_to_dict(bench.dsn)
    home = tempfile.mkdtemp(prefix="bda-bench-airflow-")
    environment = os.environ | {
        "AIRFLOW_HOME": home,
        "AIRFLOW_CONN_BENCH_POSTGRES": f"postgres://{place['user']}@{place['host']}:{place['port']}/{place['dbname']}",
        "AIRFLOW_CONN_BENCH_AWS": json.dumps(
            {"conn_type": "aws", "login": "local", "password": "local-only",
             "extra": {"endpoint_url": f"http://{url.netloc}", "region_name": "eu-central-1"}}
        ),
        "PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}",
    }  # fmt: skip
    command = [sys.executable, "-m", "benchmarks.pandas_export", "bench", str(bench.rows_per_file)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    shutil.rmtree(home, ignore_errors=True)
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1:]}
    theirs: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    ours = bench.whole_protocol("moto", "psycopg", 1).seconds
    client = bench.moto.client()
    keys = [found["Key"] for found in client.list_objects_v2(Bucket="bench", Prefix="pandas/")["Contents"]]
    manifest = current_manifest(bench.store("moto"), "bench", "local")
    assert manifest is not None
    export = manifest.exports["wide"]
    return {
        **theirs,
        "above_import_mib": theirs["peak_mib"] - theirs["rss_mib"],
        "ours_seconds": ours,
        "rows_that_differ": differing(
            bench, [client.get_object(Bucket="bench", Key=key)["Body"].read() for key in sorted(keys)]
        ),
        "ours_rows_that_differ": differing(bench, [read_csv(bench.store("moto"), export, f) for f in export.files]),
    }


def differing(bench: Bench, files: list[bytes]) -> int | str:
    """Load files back; return how many rows of the table are not among them, or why they do not load."""
    with psycopg.connect(bench.dsn) as connection:
        connection.execute("create temp table back (like wide)")
        try:
            for data in files:
                with connection.cursor().copy("copy back from stdin (format csv, header)") as copy:
                    copy.write(data)
        except psycopg.Error as error:
            return f"does not load: {str(error).splitlines()[0]}"
        missing = "select * from wide except all select * from back"
        found = connection.execute(f"select count(*) from ({missing}) missing").fetchone()
        assert found is not None
        return int(found[0])
