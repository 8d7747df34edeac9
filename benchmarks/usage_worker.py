"""One reading of many apps in a process of its own; the platform's stand-in is another one. See benchmarks.bench_usage.

Prints seconds, peak memory in all and above what is there before the first request, and what was measured.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
from airflow.sdk import Connection

from billing_aggregator.feeds.meters.connection import PlatformHook
from billing_aggregator.feeds.meters.platform import Platform
from billing_aggregator.feeds.meters.reading import take_reading
from billing_aggregator.local import cloudfoundry as stand_in
from billing_aggregator.local.cloudfoundry import CLIENT_ID, LocalPlatform

if TYPE_CHECKING:
    from multiprocessing.connection import Connection as Pipe

AT = datetime(2026, 3, 1, 15, 20, tzinfo=UTC)


def serve(pipe: Pipe, apps: int) -> None:
    """Run the stand-in with so many apps, each of one process, until the pipe says so."""
    place = stand_in.guid("parks/web")
    relation = {"space": {"data": {"guid": place}}}
    all_apps = [
        {"guid": f"app-{number}", "name": f"app {number}", "state": "STARTED", "relationships": relation}
        for number in range(apps)
    ]

    def page(platform: LocalPlatform, path: str, query: dict[str, str]) -> dict[str, Any]:
        if path == "/v3/processes":
            found = [
                {"instances": 2, "memory_in_mb": 512, "relationships": {"app": {"data": {"guid": guid}}}}
                for guid in query["app_guids"].split(",")
            ]
            return {"pagination": {"next": None}, "resources": found}
        size, number = int(query["per_page"]), int(query.get("page", "1"))
        more = f"{platform.url}{path}?per_page={size}&include=space.organization&page={number + 1}"
        return {
            "pagination": {"next": {"href": more} if number * size < apps else None},
            "resources": all_apps[(number - 1) * size : number * size],
            "included": {name: platform.resources(name) for name in ("spaces", "organizations")},
        }

    stand_in._page = page
    with LocalPlatform(lambda: AT) as platform:
        pipe.send((platform.url, platform.secret))
        pipe.recv()


def main(dsn: str, apps: int) -> None:
    """Take the reading."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, apps), daemon=True)
    process.start()
    url, secret = ours.recv()
    hook = PlatformHook(Connection(conn_id="cf", conn_type="http", host=url, login=CLIENT_ID, password=secret))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    with psycopg.connect(dsn) as connection:
        found = take_reading(connection, lambda: Platform(hook), ["cfapps"], AT, periodic=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures = {
        "apps": found.measured.get("cfapps"), "failed": found.failed, "seconds": round(time.monotonic() - began, 1),
        "peak_mb": round(peak / 1024), "above_start_mb": round((peak - before) / 1024, 1),
    }  # fmt: skip
    ours.send("end")
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
