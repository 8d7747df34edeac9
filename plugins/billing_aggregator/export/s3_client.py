"""How S3 is asked: the client's settings, an object's attributes, checksums, and what an answer says."""

from __future__ import annotations

from base64 import b64encode
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from datetime import datetime

    from botocore.exceptions import ClientError

    from billing_aggregator.export.options import ExportOptions


def client_config() -> Any:
    """Return the botocore configuration that exports want.

    Parts carry a CRC-32 that S3 checks, so they are not hashed a second time for the signature. Retries of 503, 429 and
    broken connections are botocore's, in its standard mode.
    """
    from botocore.config import Config

    return Config(
        retries={"mode": "standard", "max_attempts": 8},
        max_pool_connections=32,
        connect_timeout=10,
        read_timeout=120,
        s3={"payload_signing_enabled": False},
    )


def crc32_base64(data: bytes | bytearray) -> str:
    """Return the CRC-32 as S3 writes it."""
    from isal import isal_zlib

    return b64encode(isal_zlib.crc32(data).to_bytes(4, "big")).decode()


def attributes(options: ExportOptions) -> dict[str, str]:
    """Return encryption, storage class and tags as boto3 wants them."""
    wanted: dict[str, str] = {}
    if options.encryption == "sse-s3":
        wanted["ServerSideEncryption"] = "AES256"
    elif options.encryption == "sse-kms":
        wanted["ServerSideEncryption"] = "aws:kms"
        if options.kms_key_id:
            wanted["SSEKMSKeyId"] = options.kms_key_id
    if options.storage_class:
        wanted["StorageClass"] = options.storage_class
    if options.tags:
        wanted["Tagging"] = urlencode(sorted(options.tags.items()))
    return wanted


def error_code(error: ClientError) -> str:
    """Return S3's code of an error, e.g. ``NoSuchUpload``; empty without one."""
    return str(error.response.get("Error", {}).get("Code", ""))


def answered_at(answer: Any) -> datetime:
    """Return when S3 answered, by its own clock."""
    return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
