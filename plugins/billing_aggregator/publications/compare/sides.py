"""The two sides of a comparison: publications with their manifests, or CSV files that have none."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from billing_aggregator.config.export_options import Dialect
from billing_aggregator.export.errors import UploadError
from billing_aggregator.export.reader import stored_bytes
from billing_aggregator.export.store.local_store import LocalStore
from billing_aggregator.publications.compare.header import read_header
from billing_aggregator.publications.errors import BrokenPublicationError, NotThereError, explained
from billing_aggregator.publications.reference import bucket_store, find_publication, is_path, local_path
from billing_aggregator.publications.verify import gone
from billing_aggregator.publications.watched import WatchedStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.export.store.protocol import ReadableStore
    from billing_aggregator.publications.found import FoundPublication

CSV_FILE = re.compile(r"(?P<name>.*?)(?:_\d{4,})?\.csv(?P<ending>\.gz|\.zst)?")
COMPRESSIONS = {"": "none", ".gz": "gzip", ".zst": "zstd"}


@dataclass(frozen=True)
class ExportFiles:
    """One export of one side, on this machine.

    :param columns: names, in the order of the CSV.
    :param types: column -> Postgres type; empty where nobody has said.
    :param rows: as the manifest says; None without one.
    :param totals: column -> exact sum as the manifest says; empty without one.
    :param digests: SHA-256 of each file as the manifest says; empty without one.
    """

    name: str
    columns: tuple[str, ...]
    types: Mapping[str, str]
    rows: int | None
    totals: Mapping[str, str]
    dialect: Dialect
    compression: str
    files: tuple[Path, ...]
    digests: tuple[str, ...] = ()


@dataclass(frozen=True)
class Side:
    """A publication, or files without a manifest.

    :param title: for people.
    :param found: the publication; None for plain files.
    :param plain: export -> keys of its files in *store*, for files without a manifest.
    """

    title: str
    store: ReadableStore
    config: ClientConfig | None
    found: FoundPublication | None = None
    plain: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def exports(self) -> tuple[str, ...]:
        """The names of the exports."""
        return tuple(self.found.manifest.exports) if self.found else tuple(self.plain)

    def bytes_of(self, export: str) -> int:
        """Return the bytes of an export; 0 where no manifest says them."""
        return sum(file.bytes for file in self.found.manifest.exports[export].files) if self.found else 0

    def fetch(self, export: str, folder: Path, dialect: Dialect, read: Callable[[int], None] | None) -> ExportFiles:
        """Return an export's files on this machine, each compared with what the manifest says of its bytes.

        :param folder: where files of a bucket are copied to.
        :param dialect: of files without a manifest.
        :raises BrokenPublicationError: a file is another one. NotThereError: a file or version is gone.
        """
        if self.found is not None:
            return _fetch_published(self.found, export, folder, read)
        return self._fetch_plain(export, folder, dialect, read)

    def _fetch_plain(
        self, export: str, folder: Path, dialect: Dialect, read: Callable[[int], None] | None
    ) -> ExportFiles:
        keys = self.plain[export]
        compressions = {COMPRESSIONS[_parts(key)[1]] for key in keys}
        if len(compressions) > 1:
            raise BrokenPublicationError(f"{self.title}: the files of {export} are not all compressed in one way")
        files = []
        watched = WatchedStore(self.store, read)
        for number, key in enumerate(keys):
            if isinstance(self.store, LocalStore):
                files.append(self.store.path(key))
                continue
            files.append(folder / f"{number:04d}.csv")
            with explained(self.config), files[-1].open("wb") as target:
                target.writelines(watched.stream(key))
        compression = compressions.pop()
        headers = {read_header(file, dialect, compression) for file in files}
        if len(headers) > 1:
            raise BrokenPublicationError(f"{self.title}: the files of {export} have different headers")
        return ExportFiles(export, headers.pop(), {}, None, {}, dialect, compression, tuple(files))


def open_side(reference: str, config: ClientConfig, *, with_versions: bool = True) -> Side:
    """Return the publication or the plain files that *reference* names.

    :param reference: as of :func:`find_publication`; also a CSV file, or a folder or ``s3://`` prefix with CSV files.
    :raises NotThereError: there is neither.
    """
    try:
        if not reference.endswith((".csv", ".csv.gz", ".csv.zst")):
            found = find_publication(reference, config, with_versions=with_versions)
            return Side(found.title, found.store, found.config, found)
    except NotThereError:
        if not (is_path(reference) or reference.startswith("s3://")):
            raise
    store: ReadableStore
    if reference.startswith("s3://"):
        parts = urlsplit(reference)
        bucket = bucket_store(parts.netloc, config)
        there = config.model_copy(update={"s3_bucket": parts.netloc})
        prefix = parts.path.lstrip("/")
        with explained(there):
            keys = list(bucket.keys(prefix))
        store, known = bucket, there
    else:
        path = local_path(reference)
        if not path.exists():
            raise NotThereError(f"{path} does not exist")
        root = path if path.is_dir() else path.parent
        store, known, prefix = LocalStore(root), None, ""
        keys = [path.name] if path.is_file() else list(LocalStore(root).keys(""))
    plain = _by_export(keys, prefix)
    if not plain:
        raise NotThereError(f"{reference} has neither a _manifest.json nor CSV files (.csv, .csv.gz, .csv.zst)")
    return Side(f"{reference} (no manifest)", store, known, None, plain)


def _by_export(keys: list[str], prefix: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    folder = prefix if prefix.endswith("/") or not prefix else prefix.rpartition("/")[0] + "/"
    for key in sorted(keys):
        if CSV_FILE.fullmatch(key):
            found.setdefault(_parts(key.removeprefix(folder))[0], []).append(key)
    return {name: tuple(files) for name, files in found.items()}


def _parts(key: str) -> tuple[str, str]:
    match = CSV_FILE.fullmatch(key)
    return (match["name"], match["ending"] or "") if match else (key, "")


def _fetch_published(
    found: FoundPublication, export: str, folder: Path, read: Callable[[int], None] | None
) -> ExportFiles:
    chosen = found.manifest.exports[export]
    watched = WatchedStore(found.store, read)
    files: list[Path] = []
    for number, file in enumerate(chosen.files):
        local = found.store.path(file.key) if isinstance(found.store, LocalStore) else None
        with explained(found.config):
            try:
                pieces = stored_bytes(watched, file)
                if local is None:
                    local = folder / f"{number:04d}.csv"
                    with local.open("wb") as target:
                        target.writelines(pieces)
                else:
                    for _ in pieces:
                        pass
            except FileNotFoundError:
                raise NotThereError(gone(found, file)) from None
            except UploadError as error:
                raise BrokenPublicationError(str(error)) from None
        files.append(Path(local))
    csv = chosen.csv
    return ExportFiles(
        name=export,
        columns=tuple(chosen.columns),
        types={column.name: column.type for column in chosen.column_details},
        rows=chosen.rows,
        totals=chosen.control_totals,
        dialect=_dialect(csv),
        compression=csv["compression"],
        files=tuple(files),
        digests=tuple(file.sha256 for file in chosen.files),
    )


def _dialect(csv: Mapping[str, object]) -> Dialect:
    return Dialect.model_validate({name: csv[name] for name in Dialect.model_fields if name in csv})
