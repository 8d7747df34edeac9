"""The runs of a client: from the warehouse's records where it can be reached, else from the manifests in the bucket."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from billing_aggregator.publications.errors import NotThereError, PublicationError, UnreadableError
from billing_aggregator.publications.history import at_version, open_bucket, publications
from billing_aggregator.runs.preflight import UnreachableError, driver_errors, open_warehouse
from billing_aggregator.runs.run_history import read_runs

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig
    from billing_aggregator.publications.found import FoundPublication
    from billing_aggregator.runs.run_history import RunRecord


@dataclass(frozen=True)
class RunLine:
    """One run.

    :param state: ``running``, ``success``, ``failed``, ``lost``; ``published`` where only the manifest tells.
    :param published_at: ISO; None: it has not published. *is_current*: readers see its files now.
    :param rows: of all exports, without headers; None where it was not recorded.
    :param bytes: of all files.
    :param warnings: the checks that warned; None where that was not recorded.
    :param error: of a run that failed.
    """

    run_id: str
    business_date: str
    state: str
    dry_run: bool
    published_at: str | None
    rows: int | None
    files: int | None
    bytes: int | None
    warnings: tuple[str, ...] | None
    error: str | None = None
    is_current: bool = False


@dataclass(frozen=True)
class RunList:
    """The newest runs first.

    :param source: ``warehouse`` or ``bucket``.
    :param notes: what could not be read, a sentence each.
    """

    client: str
    environment: str
    source: str
    runs: tuple[RunLine, ...]
    notes: tuple[str, ...] = ()


def list_runs(config: ClientConfig, limit: int) -> RunList:
    """Return the client's newest runs.

    :param limit: of them at most.
    :raises UnreadableError: neither the warehouse nor the bucket can be read.
    """
    current, notes = None, []
    try:
        current = _current(config)
    except PublicationError as error:
        notes.append(str(error))
    try:
        rows = recorded_runs(config, limit)
        lines = tuple(_of_record(row, current) for row in rows)
        return RunList(config.client, config.environment, "warehouse", lines, tuple(notes))
    except UnreadableError as error:
        if notes:
            raise UnreadableError(f"{error}; {notes[0]}") from None
        notes.append(str(error))
    found = islice(publications(config, open_bucket(config)), limit)
    lines = tuple(_of_manifest(each, is_current=number == 0) for number, each in enumerate(found))
    return RunList(config.client, config.environment, "bucket", lines, tuple(notes))


def recorded_runs(config: ClientConfig, limit: int) -> list[RunRecord]:
    """Return what the client's runs have recorded in its warehouse, the newest first.

    :raises UnreadableError: the warehouse cannot be reached or read.
    """
    try:
        with closing(open_warehouse(config, "bda:publications")) as connection:
            return read_runs(connection, config.client, config.environment, most=limit)
    except UnreachableError as error:
        raise UnreadableError(str(error)) from None
    except driver_errors() as error:
        raise UnreadableError(f"warehouse of {config.database_conn_id}: {str(error).strip().splitlines()[0]}") from None


def _current(config: ClientConfig) -> FoundPublication | None:
    try:
        return at_version(config, open_bucket(config), None)
    except NotThereError:
        return None


def _of_record(run: RunRecord, current: FoundPublication | None) -> RunLine:
    return RunLine(
        run_id=run.run_id,
        business_date=str(run.business_date),
        state=run.state,
        dry_run=run.dry_run,
        published_at=run.published_at.isoformat() if run.published_at else None,
        rows=run.rows,
        files=run.files,
        bytes=run.bytes,
        warnings=None if run.checks is None else tuple(check.task for check in run.warnings),
        error=run.error,
        is_current=current is not None and current.manifest.run_id == run.run_id,
    )


def _of_manifest(found: FoundPublication, *, is_current: bool) -> RunLine:
    manifest = found.manifest
    files = [file for export in manifest.exports.values() for file in export.files]
    return RunLine(
        run_id=manifest.run_id,
        business_date=manifest.business_date,
        state="published",
        dry_run=False,
        published_at=manifest.published_at,
        rows=sum(export.rows for export in manifest.exports.values()),
        files=len(files),
        bytes=sum(file.bytes for file in files),
        warnings=None,
        is_current=is_current,
    )
