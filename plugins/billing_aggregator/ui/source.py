"""Where the page's figures come from: the client's warehouse and bucket, asked briefly and read-only."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from billing_aggregator.postgres.connection import postgres_hook
from billing_aggregator.runs.run_history import read_exports, read_runs

if TYPE_CHECKING:
    from datetime import datetime

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.postgres import Connection
    from billing_aggregator.runs.run_history import ExportRecord, FileRecord, RunRecord

NIGHTS = 60
CONNECT_SECONDS = 5
STATEMENT_SECONDS = 5
LINK_SECONDS = 600


@dataclass(frozen=True)
class Nights:
    """The runs of a client, newest first, and the moment at which they were read (UTC)."""

    runs: tuple[RunRecord, ...]
    read_at: datetime


def nights(config: ClientConfig, now: datetime) -> Nights:
    """Return the runs of the last :data:`NIGHTS` business dates, from the client's warehouse; blocks."""
    since = now.astimezone(ZoneInfo(config.timezone)).date() - timedelta(days=NIGHTS - 1)
    with closing(_connect(config)) as connection:
        return Nights(tuple(read_runs(connection, config.client, config.environment, since=since)), now)


def exports(config: ClientConfig, tag: str) -> dict[str, ExportRecord]:
    """Return what a run has published, by export; empty where that was not recorded; blocks."""
    with closing(_connect(config)) as connection:
        return read_exports(connection, config.client, config.environment, tag) or {}


def download_link(config: ClientConfig, file: FileRecord) -> str:
    """Return an address of *file*, in the version that the run has published, good for ten minutes; blocks."""
    from billing_aggregator.s3.client import client_bucket

    return client_bucket(config, quick=True).link(file.key, file.version_id, LINK_SECONDS)


def _connect(config: ClientConfig) -> Connection:
    hook = postgres_hook(
        config, application_name=f"bda:{config.client}/{config.environment}:page", statement_seconds=STATEMENT_SECONDS
    )
    extra = hook.connection.extra_dejson
    hook.connection.extra = json.dumps(extra | {"connect_timeout": str(CONNECT_SECONDS)})
    return hook.get_conn()
