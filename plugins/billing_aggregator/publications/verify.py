"""Reads every file of a publication again: bytes, SHA-256, rows, control totals."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from billing_aggregator.export.errors import UploadError
from billing_aggregator.export.reader import check_file, differing_totals
from billing_aggregator.publications.errors import BROKEN, NOT_THERE, explained
from billing_aggregator.publications.watched import WatchedStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.export.manifest import ManifestFile
    from billing_aggregator.publications.found import FoundPublication


@dataclass(frozen=True)
class FileFinding:
    """One file that was read again.

    :param rows: as the manifest says, without the header.
    :param bytes: as the manifest says.
    :param problem: one sentence, or None.
    :param is_gone: the file, or the version that the manifest names, is not there.
    """

    export: str
    key: str
    rows: int
    bytes: int
    problem: str | None = None
    is_gone: bool = False


@dataclass(frozen=True)
class Verification:
    """What was found in a publication."""

    found: FoundPublication
    files: tuple[FileFinding, ...]
    totals: tuple[str, ...] = field(default=())

    @property
    def problems(self) -> list[str]:
        """A sentence for each problem."""
        return [file.problem for file in self.files if file.problem] + list(self.totals)

    @property
    def status(self) -> int:
        """0; 3 when files are gone and nothing else is wrong; else 1."""
        if not self.problems:
            return 0
        gone = all(file.is_gone for file in self.files if file.problem)
        return NOT_THERE if gone and not self.totals else BROKEN


def verify(
    found: FoundPublication, export: str | None = None, *, read: Callable[[int], None] | None = None
) -> Verification:
    """Read the files again and compare them with the manifest; every problem is found, not the first alone.

    Control totals are compared where all files of the export are whole: a broken file has none.

    :param export: only this one.
    :param read: is told the bytes of each piece that was read.
    :raises UnreadableError: the bucket or folder cannot be read.
    """
    store = WatchedStore(found.store, read)
    files: list[FileFinding] = []
    totals: list[str] = []
    for name, chosen in found.chosen(export).items():
        sums = {column: Decimal(0) for column in chosen.control_totals}
        own = [_finding(found, store, file, sums, name=name) for file in chosen.files]
        files += own
        if not any(file.problem for file in own):
            totals += differing_totals(name, chosen, sum(file.rows for file in own), sums)
    return Verification(found, tuple(files), tuple(totals))


def _finding(
    found: FoundPublication, store: WatchedStore, file: ManifestFile, sums: dict[str, Decimal], *, name: str
) -> FileFinding:
    problem, is_gone = None, False
    with explained(found.config):
        try:
            check_file(store, found.manifest.exports[name], file, sums)
        except FileNotFoundError:
            problem, is_gone = gone(found, file), True
        except UploadError as error:
            problem = str(error)
    return FileFinding(name, file.key, file.rows, file.bytes, problem, is_gone)


def gone(found: FoundPublication, file: ManifestFile) -> str:
    """Say that a file that the manifest names is not there, and what helps."""
    url = found.store.url(file.key)
    if not file.version_id:
        return f"{url}, which the manifest of run {found.manifest.run_id} names, is gone"
    return (
        f"{url}: its version {file.version_id}, which the manifest of run {found.manifest.run_id} names, is gone "
        "(removed by a lifecycle rule, or this is a copy: read one with --without-versions)"
    )
