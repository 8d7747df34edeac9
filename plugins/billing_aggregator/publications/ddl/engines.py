"""The statements of each engine: create the table, describe its columns, load the files of this publication."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from billing_aggregator.config.key_template import load_list_key
from billing_aggregator.publications.ddl import athena, duckdb, postgres, redshift, snowflake
from billing_aggregator.publications.ddl.table import LoadTable
from billing_aggregator.publications.errors import WrongQuestionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing_aggregator.publications.found import FoundPublication

ENGINES = {
    "postgres": postgres.statements,
    "redshift": redshift.statements,
    "athena": athena.statements,
    "snowflake": snowflake.statements,
    "duckdb": duckdb.statements,
}


#: These read the bucket themselves.
BUCKET_ONLY = ("redshift", "athena", "snowflake")


@dataclass(frozen=True)
class Target:
    """Where to load to.

    :param engine: a key of :data:`ENGINES`.
    :param schema: schema (Athena: database) of the tables; None: none is written.
    :param role: what lets the engine read the bucket: Redshift's IAM role, Snowflake's storage integration.
    """

    engine: str
    schema: str | None = None
    role: str | None = None


def ddl(found: FoundPublication, target: Target, export: str | None = None) -> str:
    """Return the statements for the exports of a publication, ready to be run.

    :raises WrongQuestionError: the manifest of an export has no types (version 1), or the engine cannot load its files.
    """
    return "\n\n".join(ENGINES[target.engine](load_table(found, name, target)) for name in found.chosen(export))


def load_table(found: FoundPublication, name: str, target: Target) -> LoadTable:
    """Return what the statements of one export are made of."""
    export = found.manifest.exports[name]
    if not export.column_details:
        raise WrongQuestionError(
            f"the manifest of {found.title} says no types of {name}: it was written by an earlier version; publish it "
            "again, or name a newer publication"
        )
    manifest = found.manifest
    if target.engine in BUCKET_ONLY and not found.store.url("").startswith("s3://"):
        raise WrongQuestionError(f"{target.engine} loads from a bucket, and {found.place} is in a folder")
    lists: Mapping[str, str] = {
        kind: found.store.url(found.base + load_list_key(manifest.client, manifest.environment, kind, name))
        for kind in ("redshift", "athena")
    }
    return LoadTable(
        name=name.replace("/", "_").replace(".", "_").replace("-", "_"),
        schema=target.schema,
        columns=tuple(export.column_details),
        csv=export.csv,
        urls=tuple(_plain_path(found.store.url(file.key)) for file in export.files),
        lists=lists,
        region=found.config.s3_region if found.config else None,
        role=target.role,
        comment=f"{name} of {found.title}",
    )


def _plain_path(url: str) -> str:
    """Return a path for a ``file://`` URL; others as they are."""
    return LoadTable.local(url) if urlsplit(url).scheme == "file" else url
