"""Reads back what a run has published: the manifest and the files that it names."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from billing_aggregator.config import read_environment
from billing_aggregator.export.manifest import Manifest
from billing_aggregator.export.reader import current_manifest
from billing_aggregator.export.store.factory import client_store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.export.store.s3_store import S3Store

COPY_LIMIT_BYTES = 500_000_000


class ObjectStore:
    """The bucket that a run publishes to.

    :param environ: the ``BDA_*`` variables that the run had.
    """

    def __init__(self, config: ClientConfig, environ: Mapping[str, str]) -> None:
        settings = read_environment(environ)
        self._config = config
        self.bucket = settings.s3_bucket or config.s3_bucket
        self._url = settings.s3_url or config.s3_url
        self._environ = environ

    @cached_property
    def _store(self) -> S3Store:
        place = self._config.model_copy(update={"s3_bucket": self.bucket, "s3_url": self._url})
        return client_store(place, environ=self._environ)

    @property
    def location(self) -> str:
        """Where the files are, as a person would write it."""
        key = self._config.manifest_key
        at = f" at {self._url}" if self._url else ""
        return f"s3://{self.bucket}/{key.rsplit('/', 1)[0]}/{at}"

    def manifest(self) -> dict[str, Any]:
        """Return the published manifest as plain values.

        :raises FileNotFoundError: nothing is published.
        """
        manifest = current_manifest(self._store, self._config.client, self._config.environment)
        if manifest is None:
            raise FileNotFoundError(f"nothing is published in {self.location}")
        return manifest.to_json()

    def copy_files(self, manifest: Mapping[str, Any], folder: Path) -> list[Path]:
        """Copy the manifest's files below *folder*, up to ``COPY_LIMIT_BYTES`` bytes; return the copies.

        The manifest comes last, if all of them are there: ``publications`` can then read the folder.
        """
        copies: list[Path] = []
        room = COPY_LIMIT_BYTES
        for file in (file for export in manifest["exports"].values() for file in export["files"]):
            room -= file["bytes"]
            if room < 0:
                return copies
            target = folder / file["key"]
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as copy:
                copy.writelines(self._store.stream(file["key"], file["version_id"]))
            copies.append(target)
        whole = Manifest.model_validate(manifest)
        (folder / self._config.manifest_key).parent.mkdir(parents=True, exist_ok=True)
        (folder / self._config.manifest_key).write_bytes(whole.body())
        return copies
