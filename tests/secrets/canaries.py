"""Secrets that nobody could guess, and where they turn up: as they are, in a URL's form, in base64."""

from __future__ import annotations

import base64
import secrets
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from billing_aggregator.local.postgres import EmbeddedPostgres

PAUSE_SECONDS = 0.05


def canary(name: str) -> str:
    """Return a new secret; its slash and plus sign look different in a URL."""
    return f"{name}/{secrets.token_hex(12)}+K"


def forms(secret: str) -> set[bytes]:
    """Return the ways in which a secret is written; base64 in its three alignments, without what depends on others."""
    found = {secret.encode(), quote(secret).encode(), quote(secret, safe="").encode()}
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + secret.encode())
        found.add(text[4 if shift else 0 : -4])
    return found


def leaks(canaries: Mapping[str, str], places: Mapping[str, bytes]) -> list[str]:
    """Return ``secret in place`` for each secret that a place holds, with its surroundings."""
    found = []
    for name, secret in canaries.items():
        for place, content in places.items():
            for form in forms(secret):
                at = content.find(form)
                if at >= 0:
                    found.append(f"{name} in {place}: {content[max(0, at - 200) : at + 60]!r}")
    return found


def folder(path: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {str(file): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


def objects(client: Any, bucket: str) -> dict[str, bytes]:
    """Return every version of every object with its metadata, and open uploads."""
    found = {}
    for version in client.list_object_versions(Bucket=bucket).get("Versions", []):
        answer = client.get_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        told = repr((version["Key"], answer["Metadata"], answer["ContentType"])).encode()
        found[f"s3://{bucket}/{version['Key']}"] = told + answer["Body"].read()
    found[f"uploads of {bucket}"] = repr(client.list_multipart_uploads(Bucket=bucket).get("Uploads")).encode()
    return found


def warehouse(server: EmbeddedPostgres, database: str) -> dict[str, bytes]:
    """Return every table of the database with its comment, as database.schema.table, and the server's log."""
    found = {"the server's log": server.log.read_bytes()}
    with psycopg.connect(server.dsn(database)) as connection:
        tables = connection.execute(
            "select oid::regclass::text, obj_description(oid, 'pg_class') from pg_class "
            "where relnamespace::regnamespace::text !~ '^(pg_|information_schema)' and relkind in ('r', 'v')"
        ).fetchall()
        for table, comment in tables:
            rows = connection.execute(f"select to_jsonb(t)::text from {table} t".encode()).fetchall()
            found[f"{database}.{table}"] = repr((comment, rows)).encode()
    return found


class ProcessList:
    """Watches the command lines of all processes of this machine while it is entered; ``seen`` has each once."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while True:
            for process in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    self.seen.add(process.read_bytes())
            if self._end.wait(PAUSE_SECONDS):
                return

    def place(self) -> dict[str, bytes]:
        return {"the process list": b"\n".join(self.seen)}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


def told_by(errors: Iterable[BaseException]) -> dict[str, bytes]:
    """Return what each error of the chains says of itself: text, representation, arguments, notes, attributes."""
    found: dict[str, bytes] = {}
    seen: set[int] = set()
    waiting = list(errors)
    while waiting:
        link = waiting.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        notes = getattr(link, "__notes__", [])
        told = (str(link), repr(link), link.args, notes, getattr(link, "response", None))
        found[f"{type(link).__name__} {len(found)}"] = repr(told).encode()
        waiting += [each for each in (link.__cause__, link.__context__) if each is not None]
    return found
