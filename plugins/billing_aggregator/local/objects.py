"""Reads back what a run has published: the manifest and the files that it names."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from billing_aggregator.config import read_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.s3.bucket import Bucket

COPY_LIMIT_BYTES = 500_000_000
READ_BYTES = 1 << 20


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
    def _bucket(self) -> Bucket:
        from billing_aggregator.s3.client import client_bucket

        place = self._config.model_copy(update={"s3_bucket": self.bucket, "s3_url": self._url})
        return client_bucket(place, environ=self._environ)

    @property
    def location(self) -> str:
        """Where the files are, as a person would write it."""
        key = self._config.manifest_key
        at = f" at {self._url}" if self._url else ""
        return f"s3://{self.bucket}/{key.rsplit('/', 1)[0]}/{at}"

    def manifest(self) -> dict[str, Any]:
        """Return the published manifest."""
        body = self._bucket.ask("get_object", Key=self._config.manifest_key)["Body"].read()
        manifest: dict[str, Any] = json.loads(body)
        return manifest

    def copy_files(self, manifest: Mapping[str, Any], folder: Path) -> list[Path]:
        """Copy the manifest's files below *folder*, up to ``COPY_LIMIT_BYTES`` bytes; return the copies."""
        copies = []
        room = COPY_LIMIT_BYTES
        for file in (file for export in manifest["exports"].values() for file in export["files"]):
            room -= file["bytes"]
            if room < 0:
                break
            target = folder / file["key"]
            target.parent.mkdir(parents=True, exist_ok=True)
            version = {"VersionId": file["version_id"]} if file.get("version_id") else {}
            answer = self._bucket.ask("get_object", Key=file["key"], **version)
            with target.open("wb") as copy:
                copy.writelines(answer["Body"].iter_chunks(READ_BYTES))
            copies.append(target)
        return copies
