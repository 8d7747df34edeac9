"""Files in a bucket: multipart uploads that stay open until publication, conditional writes for small objects."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from billing_aggregator.export.errors import PreconditionFailedError, UploadError, UploadGoneError
from billing_aggregator.export.s3_client import answered_at, attributes, crc32_base64, error_code
from billing_aggregator.export.store import CONTENT_TYPES, Found, Part, Stored, Upload

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from billing_aggregator.export.options import ExportOptions

UPLOAD_FIELD = "bda-upload"
DELETE_LIMIT = 1000
READ_BYTES = 1 << 20
GONE = {"NoSuchUpload"}
MISSING = {"NoSuchKey", "NoSuchVersion", "404"}
UNKNOWN_VERSION = {"400", "404", "InvalidArgument", "NoSuchVersion"}
REFUSED = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}


class S3Store:
    """A bucket.

    :param client: a boto3 S3 client.
    :param bucket: its name.
    """

    def __init__(self, client: Any, bucket: str) -> None:
        self._s3 = client
        self.bucket = bucket

    def url(self, key: str) -> str:
        """Return ``s3://bucket/key``."""
        return f"s3://{self.bucket}/{key}"

    def start(self, key: str, token: str, options: ExportOptions) -> Upload:
        """Create a multipart upload with encryption, storage class, tags and our token as metadata."""
        answer = self._s3.create_multipart_upload(
            Bucket=self.bucket,
            Key=key,
            Metadata={UPLOAD_FIELD: token},
            ContentType=CONTENT_TYPES[options.compression],
            ChecksumAlgorithm="CRC32",
            **attributes(options),
        )
        return Upload(key, answer["UploadId"], token)

    def write_part(self, upload: Upload, number: int, data: bytes | bytearray, part_bytes: int) -> Part:
        """Upload one part with its CRC-32, which S3 checks before it answers."""
        crc = crc32_base64(data)
        place = {"Bucket": self.bucket, "Key": upload.key, "UploadId": upload.upload_id, "PartNumber": number}
        try:
            answer = self._s3.upload_part(Body=data, ChecksumCRC32=crc, **place)
        except ClientError as error:
            if error_code(error) in GONE:
                raise UploadGoneError(f"{self.url(upload.key)}: the upload was completed or aborted") from error
            raise
        return Part(number, len(data), answer["ETag"], crc)

    def parts(self, upload: Upload) -> list[Part] | None:
        """Return what ListParts says; None for an upload that is no more."""
        found = []
        pages = self._s3.get_paginator("list_parts").paginate(
            Bucket=self.bucket, Key=upload.key, UploadId=upload.upload_id
        )
        try:
            for page in pages:
                for part in page.get("Parts", []):
                    found.append(Part(part["PartNumber"], part["Size"], part["ETag"], part.get("ChecksumCRC32")))
        except ClientError as error:
            if error_code(error) in GONE:
                return None
            raise
        return found

    def complete(self, upload: Upload, parts: list[Part]) -> str | None:
        """Complete the upload; a lost reply shows as UploadGoneError at botocore's own retry."""
        listed = [{"PartNumber": part.number, "ETag": part.etag, "ChecksumCRC32": part.crc32} for part in parts]
        try:
            answer = self._s3.complete_multipart_upload(
                Bucket=self.bucket, Key=upload.key, UploadId=upload.upload_id, MultipartUpload={"Parts": listed}
            )
        except ClientError as error:
            if error_code(error) in GONE:
                raise UploadGoneError(f"{self.url(upload.key)}: the upload is no more") from error
            if error_code(error) in {"InvalidPart", "InvalidPartOrder", "EntityTooSmall"}:
                raise UploadError(f"{self.url(upload.key)}: {error}") from error
            raise
        version: str | None = answer.get("VersionId")
        return None if version == "null" else version

    def completed(self, upload: Upload, size: int, sha256: str, version_id: str | None = None) -> Stored | None:
        """Look at the object: it is ours if it carries the upload's token, which no other object has."""
        wanted = {"VersionId": version_id} if version_id else {}
        try:
            head = self._s3.head_object(Bucket=self.bucket, Key=upload.key, **wanted)
        except ClientError as error:
            # Stores without versions name one all the same at completion, and then do not know it.
            if version_id and error_code(error) in UNKNOWN_VERSION:
                return self.completed(upload, size, sha256)
            if error_code(error) in MISSING:
                return None
            raise
        if head["Metadata"].get(UPLOAD_FIELD) != upload.token:
            return None
        if head["ContentLength"] != size:
            raise UploadError(f"{self.url(upload.key)} has {head['ContentLength']} bytes, {size} were written")
        version = head.get("VersionId")
        return Stored(size, head["ETag"], None if version == "null" else version)

    def abort(self, upload: Upload) -> bool:
        """Abort the upload and free its parts."""
        try:
            self._s3.abort_multipart_upload(Bucket=self.bucket, Key=upload.key, UploadId=upload.upload_id)
        except ClientError as error:
            if error_code(error) in GONE | MISSING:
                return False
            raise
        return True

    def open_uploads(self, prefix: str) -> Iterator[tuple[Upload, float]]:
        """Yield open uploads with their age by S3's clock; their tokens are unknown."""
        for page in self._s3.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=prefix):
            now = answered_at(page)
            for found in page.get("Uploads", []):
                age = (now - found["Initiated"]).total_seconds()
                yield Upload(found["Key"], found["UploadId"], ""), age

    def read(self, key: str, version_id: str | None = None) -> Found | None:
        """Return an object and its age by S3's clock."""
        wanted = {"VersionId": version_id} if version_id else {}
        try:
            answer = self._s3.get_object(Bucket=self.bucket, Key=key, **wanted)
        except ClientError as error:
            if error_code(error) in MISSING:
                return None
            raise
        age = (answered_at(answer) - answer["LastModified"]).total_seconds()
        return Found(answer["Body"].read(), answer["ETag"], age)

    def chunks(self, key: str, version_id: str | None = None) -> Iterator[bytes]:
        """Yield an object's bytes, a MiB at a time."""
        wanted = {"VersionId": version_id} if version_id else {}
        try:
            answer = self._s3.get_object(Bucket=self.bucket, Key=key, **wanted)
        except ClientError as error:
            if error_code(error) in MISSING:
                raise FileNotFoundError(self.url(key)) from error
            raise
        yield from answer["Body"].iter_chunks(READ_BYTES)

    def put_if(self, key: str, body: bytes, expected: str | None) -> str:
        """PUT with If-Match, or If-None-Match: * for an object that must be new."""
        condition = {"IfNoneMatch": "*"} if expected is None else {"IfMatch": expected}
        try:
            answer = self._s3.put_object(
                Bucket=self.bucket, Key=key, Body=body, ContentType="application/json", **condition
            )
        except ClientError as error:
            # An object that was to be replaced and is gone answers 404.
            if error_code(error) in REFUSED or (expected is not None and error_code(error) in MISSING):
                raise PreconditionFailedError(f"{self.url(key)} was written by somebody else") from error
            raise
        etag: str = answer["ETag"]
        return etag

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys below *prefix*."""
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            for found in page.get("Contents", []):
                yield found["Key"]

    def remove(self, keys: Iterable[str]) -> None:
        """Delete objects, a thousand at a time; in a versioned bucket this writes delete markers."""
        remaining = iter(keys)
        while some := list(islice(remaining, DELETE_LIMIT)):
            answer = self._s3.delete_objects(
                Bucket=self.bucket, Delete={"Objects": [{"Key": key} for key in some], "Quiet": True}
            )
            if answer.get("Errors"):
                first = answer["Errors"][0]
                raise UploadError(f"{self.url(first['Key'])} could not be removed: {first.get('Code')}")
