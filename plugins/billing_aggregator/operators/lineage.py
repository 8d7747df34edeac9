"""What tasks tell OpenLineage: tables that scripts read and make, checks that held, files that were published.

Only apache-airflow-providers-openlineage calls these functions, so its classes are imported in them: where it is not
installed, nothing of it is looked for. Names follow OpenLineage's conventions: ``postgres://host:port`` with
``database.schema.table``, ``s3://bucket`` with the keys' common beginning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from billing_aggregator.sql.report_schema import REPORT_SCHEMA
from billing_aggregator.sql.sources import heading_sources
from billing_aggregator.sql.statements import split_statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# Statements about a relation as such, and functions, which the parser takes for tables.
NOT_DATA = re.compile(r"\s*(drop|alter|comment|grant|analyze|create( or replace)? function)\b", re.IGNORECASE)
# OpenLineage's words for what a check that fails does.
SEVERITIES = {"fail": "error", "warn": "warn", "info": "info"}


@dataclass(frozen=True)
class Warehouse:
    """Where a task's tables are; its user and password are no part of their names."""

    host: str
    port: int
    database: str

    @classmethod
    def of(cls, connection: Any) -> Warehouse:
        """Return the place of an Airflow connection."""
        return cls(str(connection.host or ""), int(connection.port or 5432), str(connection.schema or ""))

    @property
    def namespace(self) -> str:
        """OpenLineage's namespace of the server."""
        return f"postgres://{self.host}:{self.port}"

    def name(self, table: str) -> str:
        """Return OpenLineage's name of ``schema.table``."""
        return f"{self.database}.{table}"


def script_lineage(place: Warehouse, text: str) -> Any:
    """Return what a script reads, by its statements and its heading, and what it makes."""
    from airflow.providers.openlineage.extractors import OperatorLineage  # noqa: PLC0415 - not installed everywhere
    from openlineage.client.event_v2 import InputDataset, OutputDataset  # noqa: PLC0415 - as above

    read, made = tables_of(text)
    # A table that the script itself makes and then reads is no input.
    inputs = sorted({*read, *heading_sources(text)} - made)
    return OperatorLineage(
        inputs=[InputDataset(place.namespace, place.name(table)) for table in inputs],
        outputs=[OutputDataset(place.namespace, place.name(table)) for table in sorted(made)],
    )


def checks_lineage(place: Warehouse, checks: Sequence[tuple[str, Mapping[str, Any]]]) -> Any:
    """Return the tables that checks have looked at, each with what was asserted of it.

    :param checks: text and outcome of each: ``check``, ``state``, ``severity``, ``title``, ``violations``.
    """
    from airflow.providers.openlineage.extractors import OperatorLineage  # noqa: PLC0415 - not installed everywhere
    from openlineage.client.event_v2 import InputDataset  # noqa: PLC0415 - as above
    from openlineage.client.facet_v2 import data_quality_assertions_dataset as facets  # noqa: PLC0415 - as above

    asserted: dict[str, list[Any]] = {}
    for text, outcome in checks:
        if outcome["state"] not in ("passed", "violated"):
            continue
        assertion = facets.Assertion(
            assertion="custom_sql",
            success=not outcome["violations"],
            severity=SEVERITIES.get(outcome["severity"], outcome["severity"]),
            name=outcome["check"],
            description=outcome["title"],
            expected="0",
            actual=str(outcome["violations"]),
        )
        for table in {*tables_of(text)[0], *heading_sources(text)}:
            asserted.setdefault(table, []).append(assertion)
    return OperatorLineage(
        inputs=[
            InputDataset(
                place.namespace,
                place.name(table),
                inputFacets={"dataQualityAssertions": facets.DataQualityAssertionsDatasetFacet(assertions=found)},
            )
            for table, found in sorted(asserted.items())
        ]
    )


def publication_lineage(
    place: Warehouse, target: str, prefix: str, exports: Mapping[str, Mapping[str, Any]], read: Iterable[str]
) -> Any:
    """Return what was published, with its columns, rows, bytes and number of files, and the tables that it is from.

    :param target: ``s3://bucket`` or ``file:///folder``.
    :param prefix: of all keys, such as ``enercity/prod/``.
    :param exports: name -> ``rows``, ``bytes``, ``files`` and ``column_details``, as the manifest has them.
    :param read: the tables, as ``schema.table``.
    """
    from airflow.providers.openlineage.extractors import OperatorLineage  # noqa: PLC0415 - not installed everywhere
    from openlineage.client.event_v2 import InputDataset, OutputDataset  # noqa: PLC0415 - as above
    from openlineage.client.facet_v2 import output_statistics_output_dataset as statistics  # noqa: PLC0415 - as above
    from openlineage.client.facet_v2 import schema_dataset as schema  # noqa: PLC0415 - as above

    parts = urlsplit(target)
    folder = "" if parts.scheme == "s3" else f"{parts.path.strip('/')}/"
    outputs = [
        OutputDataset(
            f"s3://{parts.netloc}" if parts.scheme == "s3" else "file",
            f"{folder}{prefix}{name}",
            facets={
                "schema": schema.SchemaDatasetFacet(
                    fields=[
                        schema.SchemaDatasetFacetFields(
                            name=column["name"], type=column["type"], description=column["description"] or None
                        )
                        for column in export["column_details"]
                    ]
                )
            },
            outputFacets={
                "outputStatistics": statistics.OutputStatisticsOutputDatasetFacet(
                    rowCount=export["rows"], size=export["bytes"], fileCount=len(export["files"])
                )
            },
        )
        for name, export in sorted(exports.items())
    ]
    inputs = [InputDataset(place.namespace, place.name(table)) for table in sorted(set(read))]
    return OperatorLineage(inputs=inputs, outputs=outputs)


def tables_of(text: str) -> tuple[set[str], set[str]]:
    """Return the tables that the statements of *text* read, and those that they write, by the provider's parser.

    What it cannot parse it passes over: the heading of a script names its sources as well.
    """
    from airflow.providers.openlineage.sqlparser import SQLParser  # noqa: PLC0415 - not installed everywhere

    parser = SQLParser(dialect="postgres", default_schema=REPORT_SCHEMA)
    read: set[str] = set()
    made: set[str] = set()
    for statement in split_statements(text):
        # The parser does not know unlogged tables, which are tables.
        found = parser.parse(statement.text.replace("create unlogged table", "create table"))
        if found is None or NOT_DATA.match(statement.text):
            continue
        read |= {_name(table) for table in found.in_tables}
        made |= {_name(table) for table in found.out_tables}
    system = {name for name in read if name.startswith(("pg_catalog.", "information_schema."))}
    return read - system, made


def _name(table: Any) -> str:
    return f"{table.schema or REPORT_SCHEMA}.{table.name}"
