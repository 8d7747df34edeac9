"""Exports and publishes one query in a process of its own and prints its peak memory in bytes as JSON."""

from __future__ import annotations

import json
import resource
import sys

import psycopg

from billing_aggregator.export.plan.planner import Export
from billing_aggregator.export.store.factory import open_store
from billing_aggregator.local.s3 import ACCESS_KEY, REGION, SECRET_KEY
from tests.exporting import Lab


def peak_bytes() -> int:
    kibibytes: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes * 1024


def main() -> None:
    import boto3

    from billing_aggregator.s3.defaults import client_config

    dsn, url, target, query = sys.argv[1:]

    def client() -> object:
        return boto3.client(
            "s3", endpoint_url=url, region_name=REGION, aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY,
            config=client_config(),
        )  # fmt: skip

    lab = Lab(dsn, "psycopg", open_store(target, client), target)
    psycopg.connect(dsn).close()
    before = peak_bytes()
    published = lab.whole_run([Export("buchungen", query=query)])
    (file,) = published.manifest.exports["buchungen"].files
    print(json.dumps({"rose": peak_bytes() - before, "bytes": file.bytes, "rows": file.rows}))


if __name__ == "__main__":
    main()
