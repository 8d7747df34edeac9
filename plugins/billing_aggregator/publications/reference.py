"""Finds the publication that a person names: by day, run, version, client, bucket or folder."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from billing_aggregator.config.key_template import MANIFEST_NAME
from billing_aggregator.config.load import load_client
from billing_aggregator.config.store_options import StoreOptions
from billing_aggregator.export.store.local_store import LocalStore
from billing_aggregator.publications.errors import NotThereError, explained
from billing_aggregator.publications.found import FoundPublication, open_manifest
from billing_aggregator.publications.history import at_version, open_bucket, publications

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig
    from billing_aggregator.export.store.s3_store import S3Store

LATEST, PREVIOUS = "latest", "previous"
#: ``enercity/prod`` or ``enercity/prod@2026-01-31``.
OTHER_CLIENT = re.compile(r"([a-z][a-z0-9-]*)/(prod|stage|dev|playground|local)(?:@(.+))?")
VERSION = "version:"
MOST_SHOWN = 5
#: A folder may have the manifest itself, or be a download with the keys' folders below it.
PATTERNS = (MANIFEST_NAME, f"*/{MANIFEST_NAME}", f"*/*/{MANIFEST_NAME}")


def find_publication(reference: str | None, config: ClientConfig, *, with_versions: bool = True) -> FoundPublication:
    """Return the publication that *reference* names.

    :param reference: ``latest`` (as None), ``previous`` (the one before), a business date (its newest publication), a
        run id, ``version:<id>`` of the manifest; ``client/environment``, also with ``@`` and one of these; a folder; an
        ``s3://`` prefix or manifest.
    :param config: the client that is meant where the reference names none; its connection reads ``s3://`` prefixes.
    :param with_versions: False reads the current files of the keys: for a copy, whose files have other versions.
    :raises NotThereError: there is none. UnreadableError: bucket or folder cannot be read.
    :raises BrokenPublicationError: its manifest is none.
    """
    text = (reference or LATEST).strip()
    if text.startswith("s3://"):
        return _in_bucket(text, config, with_versions=with_versions)
    if text not in (LATEST, PREVIOUS) and is_path(text):
        return _in_folder(local_path(text))
    other = OTHER_CLIENT.fullmatch(text)
    if other:
        return find_publication(other[3], load_client(other[1], other[2]), with_versions=with_versions)
    store = open_bucket(config)
    if text == LATEST or text.startswith(VERSION):
        version = text.removeprefix(VERSION) if text != LATEST else None
        return at_version(config, store, version, with_versions=with_versions)
    if text == PREVIOUS:
        return _previous(config, store, with_versions=with_versions)
    seen: list[str] = []
    for found in publications(config, store, with_versions=with_versions):
        if text in (found.manifest.run_id, found.manifest.business_date):
            return found
        seen.append(f"{found.manifest.business_date} ({found.manifest.run_id})")
    raise NotThereError(_missing(text, config, list(dict.fromkeys(seen))))


def is_path(text: str) -> bool:
    """Tell whether *text* means something on this machine: it exists, or is written like a path."""
    if text.startswith(("/", "./", "../", "~", "file://")) or text in {".", ".."} or Path(text).exists():
        return True
    # No run's id has a slash.
    return "/" in text and not text.startswith((VERSION, "s3://")) and not OTHER_CLIENT.fullmatch(text)


def local_path(text: str) -> Path:
    """Return the path that *text* means, also of a ``file://`` URL."""
    return Path(unquote(urlsplit(text).path) if text.startswith("file://") else text).expanduser().absolute()


def bucket_store(bucket: str, config: ClientConfig) -> S3Store:
    """Return any bucket, read with the client's connection; the client's own with the options of its exports."""
    own = open_bucket(config)
    return own if bucket == config.s3_bucket else own.beside(bucket, StoreOptions())


def _in_bucket(url: str, config: ClientConfig, *, with_versions: bool) -> FoundPublication:
    parts = urlsplit(url)
    version = dict(pair.partition("=")[::2] for pair in parts.query.split("&") if pair).get("versionId")
    store, key = bucket_store(parts.netloc, config), parts.path.lstrip("/")
    there = config.model_copy(update={"s3_bucket": parts.netloc})
    if not key.endswith(MANIFEST_NAME):
        key = f"{key.rstrip('/')}/{MANIFEST_NAME}".lstrip("/")
    with explained(there):
        try:
            body = b"".join(store.stream(key, version))
        except FileNotFoundError:
            raise NotThereError(
                f"there is no {store.url(key)}{f' of version {version}' if version else ''}: name the prefix that has "
                "a _manifest.json, or compare plain CSV files"
            ) from None
        return open_manifest(body, store, key, config=there, with_versions=with_versions, version_id=version)


def _in_folder(path: Path) -> FoundPublication:
    if not path.exists():
        raise NotThereError(f"{path} does not exist")
    found = [path] if path.is_file() else [each for pattern in PATTERNS for each in sorted(path.glob(pattern))]
    if not found:
        raise NotThereError(f"{path} has no {MANIFEST_NAME}: nothing says what its files should be")
    if len(found) > 1:
        names = ", ".join(str(each.relative_to(path)) for each in islice(found, MOST_SHOWN))
        raise NotThereError(f"{path} has several publications: name the folder of one of {names}")
    manifest = found[0]
    # Keys are relative to the folder that was published to, two above the manifest's, or to the manifest's own.
    root = manifest.parent
    with explained(None):
        body = manifest.read_bytes()
        probe = open_manifest(body, LocalStore(root), MANIFEST_NAME, config=None, with_versions=False).manifest
        if root.parts[-2:] == (probe.client, probe.environment):
            root = root.parents[1]
        key = manifest.relative_to(root).as_posix()
        return open_manifest(body, LocalStore(root), key, config=None, with_versions=False)


def _previous(config: ClientConfig, store: S3Store, *, with_versions: bool) -> FoundPublication:
    """Return the newest publication of another run than the current one's."""
    found = publications(config, store, with_versions=with_versions)
    current = next(found, None)
    for earlier in found:
        if current is not None and earlier.manifest.run_id != current.manifest.run_id:
            return earlier
    raise NotThereError(
        f"the bucket of {config.client}/{config.environment} has one publication only: the ones before it have no "
        "version of the manifest any more"
    )


def _missing(text: str, config: ClientConfig, seen: list[str]) -> str:
    there = ", ".join(seen[:MOST_SHOWN]) + (f" and {len(seen) - MOST_SHOWN} more" if len(seen) > MOST_SHOWN else "")
    return (
        f"no publication of {config.client}/{config.environment} is of the day or the run {text}; the bucket has "
        f"{there or 'none'}"
    )
