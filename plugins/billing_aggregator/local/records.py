"""What a run on this machine leaves for the page: its rows of ``aggregator_runs``, beside the copies of its files.

The embedded server of ``make run`` ends with the run; the page starts another one and gives it these rows.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg

from billing_aggregator.local.warehouse import DATABASE, ROLE
from billing_aggregator.runs.run_records import ensure_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from billing_aggregator.local.s3 import LocalS3

RECORDS = "records.json"
FILES = "files"


def keep(server: EmbeddedPostgres, folder: Path) -> None:
    """Write what the runs of *server* have recorded into *folder*; a run that recorded nothing leaves nothing."""
    with suppress(psycopg.Error), psycopg.connect(server.dsn(DATABASE)) as connection:
        rows = connection.execute("select to_jsonb(run) from report_oibl.aggregator_runs as run").fetchall()
        (folder / RECORDS).write_text(json.dumps([row for (row,) in rows], indent=1), encoding="utf-8")


def kept(runs: Path) -> Iterator[tuple[Path, list[dict[str, Any]]]]:
    """Yield each run's folder below *runs*, oldest first, with its rows; a folder without readable rows is left out."""
    for folder in sorted(path for path in runs.glob("*") if path.is_dir() and not path.is_symlink()):
        with suppress(OSError, ValueError):
            yield folder, json.loads((folder / RECORDS).read_text(encoding="utf-8"))


def load(server: EmbeddedPostgres, rows: Iterable[dict[str, Any]]) -> None:
    """Give the warehouse of *server* these rows; of two rows of a run the first stays."""
    with psycopg.connect(server.dsn(DATABASE, ROLE)) as connection:
        ensure_tables(connection)
        connection.execute(
            "insert into report_oibl.aggregator_runs "
            "select * from jsonb_populate_recordset(null::report_oibl.aggregator_runs, %s::jsonb) "
            "on conflict do nothing",
            [json.dumps(list(rows))],
        )


def upload(s3: LocalS3, bucket: str, folder: Path, row: dict[str, Any]) -> None:
    """Put the copies of a run's files into *bucket*, and their new versions into its *row*."""
    client = s3.client()
    for export in (row.get("exports") or {}).values():
        for file in export["files"]:
            copy = folder / FILES / file["key"]
            if copy.is_file():
                answer = client.put_object(Bucket=bucket, Key=file["key"], Body=copy.read_bytes())
                file["version_id"] = answer.get("VersionId")
