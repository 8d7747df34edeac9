"""What S3's answers say: error codes, ETags, clocks; and the checksums that are compared with them."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from isal import isal_zlib

if TYPE_CHECKING:
    from botocore.exceptions import ClientError


MD5 = re.compile("[0-9a-f]{32}")


def crc32_base64(data: bytes | bytearray) -> str:
    """Return the CRC-32 as S3 writes it."""
    return b64encode(isal_zlib.crc32(data).to_bytes(4, "big")).decode()


def md5(data: bytes | bytearray) -> bytes:
    """Return the MD5, which S3 has as Content-MD5 and, for plain objects, as ETag; no secret depends on it."""
    return hashlib.md5(data, usedforsecurity=False).digest()


def error_code(error: ClientError) -> str:
    """Return S3's code of an error, e.g. ``NoSuchUpload``; empty without one."""
    return str(error.response.get("Error", {}).get("Code", ""))


def http_status(error: ClientError) -> int:
    """Return the HTTP status of an error; 0 without one."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def quoted(etag: str) -> str:
    """Return an ETag in S3's own form, ``"..."``: some stores leave the quotes out, some proxies put ``W/`` before."""
    return f'"{bare(etag)}"'


def bare(etag: str) -> str:
    """Return an ETag without quotes and without the mark of a weak one."""
    return etag.strip().removeprefix("W/").strip('"')


def answered_at(answer: Any) -> datetime:
    """Return when S3 answered, by its own clock; by this machine's clock if the store's answers have no Date."""
    try:
        moment = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    except (KeyError, ValueError, TypeError):
        return now()
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def now() -> datetime:
    """Return the time by this machine's clock."""
    return datetime.now(UTC)


def has_date(answer: Any) -> bool:
    """Tell whether the answer says the time by the store's own clock."""
    return "date" in answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})


def age(answer: Any, written: datetime | None) -> float:
    """Return how many seconds before *answer* something was written; 0, which is never too old, if nobody says when."""
    return (answered_at(answer) - written).total_seconds() if written else 0.0


def is_md5_of_other_bytes(answer: Any, data: bytes | bytearray) -> bool:
    """Tell whether a part's ETag is the MD5 of other bytes than *data*; with KMS, or in another form, it is none."""
    etag = bare(answer["ETag"])
    plain = answer.get("ServerSideEncryption") in (None, "AES256")
    return plain and MD5.fullmatch(etag) is not None and etag != md5(data).hex()
