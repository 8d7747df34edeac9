"""The publications of a client that its bucket still has: the versions of its manifest, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from billing_aggregator.export.store.factory import client_store
from billing_aggregator.publications.errors import NotThereError, explained
from billing_aggregator.publications.found import FoundPublication, open_manifest
from billing_aggregator.runs.preflight import DENIED
from billing_aggregator.s3.answers import error_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.export.store.s3_store import S3Store


@dataclass(frozen=True)
class ManifestVersion:
    """One version of a manifest; *version_id* is None in a bucket without versions."""

    version_id: str | None
    written_at: datetime
    is_current: bool


def open_bucket(config: ClientConfig) -> S3Store:
    """Return the client's bucket; raises :class:`UnreadableError` where no client of it can be made."""
    with explained(config):
        return client_store(config)


def manifest_versions(store: S3Store, key: str) -> list[ManifestVersion]:
    """Return the versions of the manifest at *key*, newest first; none where nothing is published.

    Without versions, or where they may not be listed (``s3:ListBucketVersions``), the current one is all there is.
    """
    found: list[ManifestVersion] = []
    try:
        for page in store.pages("list_object_versions", Prefix=key):
            for each in page.get("Versions", []):
                if each["Key"] == key:
                    version = None if each["VersionId"] == "null" else each["VersionId"]
                    found.append(ManifestVersion(version, each["LastModified"], each["IsLatest"]))
    except ClientError as error:
        if error_code(error) not in DENIED | {"NotImplemented", "MethodNotAllowed", "501", "405"}:
            raise
        current = store.read(key)
        return [ManifestVersion(None, datetime.now().astimezone(), is_current=True)] if current else []
    return sorted(found, key=lambda each: (each.is_current, each.written_at), reverse=True)


def publications(config: ClientConfig, store: S3Store, *, with_versions: bool = True) -> Iterator[FoundPublication]:
    """Yield what the client has published, newest first: what readers see now, then what its versions still name.

    A run that has published again is there once for each time.
    """
    key = config.manifest_key
    with explained(config):
        versions = manifest_versions(store, key)
    for version in versions:
        yield at_version(config, store, version.version_id, with_versions=with_versions)


def at_version(
    config: ClientConfig, store: S3Store, version_id: str | None, *, with_versions: bool = True
) -> FoundPublication:
    """Return the publication of one version of the client's manifest; None is the current one."""
    key = config.manifest_key
    with explained(config):
        try:
            body = b"".join(store.stream(key, version_id))
        except FileNotFoundError:
            what = f"version {version_id} of {store.url(key)} is gone" if version_id else _nothing(config, store)
            raise NotThereError(what) from None
        return open_manifest(body, store, key, config=config, with_versions=with_versions, version_id=version_id)


def _nothing(config: ClientConfig, store: S3Store) -> str:
    return (
        f"nothing is published for {config.client}/{config.environment}: there is no {store.url(config.manifest_key)}"
    )
