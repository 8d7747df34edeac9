"""What was published of a day: the manifest's files, with links that expire."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from billing_aggregator.config.key_template import manifest_key
from billing_aggregator.config.load import load_client
from billing_aggregator.export.errors import ManifestError
from billing_aggregator.export.manifest import read_published
from billing_aggregator.export.store.s3_store import S3Store
from services.ledger_api.problems import ProblemError, not_found, unavailable

if TYPE_CHECKING:
    from datetime import date

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.export.manifest import Manifest
    from services.ledger_api.database import Row
    from services.ledger_api.settings import ServiceSettings

LINK_SECONDS = 900
TOLD = {"key", "rows", "bytes", "sha256"}


class Exports:
    """The client's bucket."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._opened: tuple[ClientConfig, Any] | None = None

    async def of_day(self, day: date) -> Row:
        """Return the files of a business day.

        :raises ProblemError: nothing is published for this day, or the bucket cannot be asked.
        """
        if self._settings.client_id is None:
            raise ProblemError(
                "exports-not-set-up", 501, "Exports are not set up", "set BDA_CLIENT_ID and BDA_ENVIRONMENT"
            )
        try:
            return await asyncio.to_thread(self._of_day, day)
        except (BotoCoreError, ClientError, ManifestError):
            raise unavailable("what is published cannot be read: the bucket does not answer, or refuses") from None

    def _of_day(self, day: date) -> Row:
        config, client = self._open()
        store = S3Store(client, config.s3_bucket, config.export)
        manifest = read_published(store, manifest_key(config.client, config.environment)).manifest
        if manifest is None:
            raise not_found("publication yet")
        files = list(self._files(manifest, day.isoformat(), client, config.s3_bucket))
        if not files:
            raise not_found(f"publication of {day}: the manifest is of {manifest.business_date}")
        return {
            "business_date": day, "published_at": manifest.published_at, "run_id": manifest.run_id,
            "expires_in_seconds": LINK_SECONDS, "files": files,
        }  # fmt: skip

    def _files(self, manifest: Manifest, day: str, client: Any, bucket: str) -> list[Row]:
        found = []
        for name, export in manifest.exports.items():
            if (export.kept_from.business_date if export.kept_from else manifest.business_date) != day:
                continue
            for file in export.files:
                place = {"Bucket": bucket, "Key": file.key}
                if file.version_id:
                    place["VersionId"] = file.version_id
                url = client.generate_presigned_url("get_object", Params=place, ExpiresIn=LINK_SECONDS)
                found.append({"export": name, "url": url} | file.model_dump(include=TOLD))
        return found

    def _open(self) -> tuple[ClientConfig, Any]:
        """Return the client's configuration and a client of S3: keys of ``BDA_S3_*``, else boto3's own chain."""
        if self._opened is None:
            settings = self._settings
            config = load_client(str(settings.client_id), settings.detected_environment(), environ={})
            config = config.model_copy(update=settings.overrides())
            keys: dict[str, Any] = {}
            if settings.s3_access_key and settings.s3_secret_access_key:
                keys = {
                    "aws_access_key_id": settings.s3_access_key.get_secret_value(),
                    "aws_secret_access_key": settings.s3_secret_access_key.get_secret_value(),
                }
            limits = Config(connect_timeout=5, read_timeout=20, signature_version="s3v4")
            made: Any = boto3.client(
                "s3", endpoint_url=config.s3_url, region_name=config.s3_region, config=limits, **keys
            )
            self._opened = config, made
        return self._opened
