"""Files in a bucket: multipart uploads that stay open until publication, conditional writes for small objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from billing_aggregator.export.errors import PreconditionFailedError, RemovalRefusedError, UploadError, UploadGoneError
from billing_aggregator.export.store.protocol import CONTENT_TYPES, Part, StoredFile, StoredObject, Upload
from billing_aggregator.s3.answers import (
    age,
    bare,
    crc32_base64,
    error_code,
    http_status,
    is_md5_of_other_bytes,
    quoted,
)
from billing_aggregator.s3.bucket import Bucket
from billing_aggregator.s3.conditions import NO_CONDITIONS, REFUSED, UNKNOWN_STATUS
from billing_aggregator.s3.deletes import Deletes
from billing_aggregator.s3.errors import StoreLacksError, StoreRefusesError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from billing_aggregator.config.export_options import ExportOptions
    from billing_aggregator.config.store_options import StoreOptions

UPLOAD_FIELD = "bda-upload"
READ_BYTES = 1 << 20
GONE = {"NoSuchUpload"}
MISSING = {"NoSuchKey", "NoSuchVersion", "404"}
UNKNOWN_VERSION = {"400", "404", "InvalidArgument", "NoSuchVersion"}


class S3Store(Bucket):
    """A bucket, see :class:`~billing_aggregator.s3.bucket.Bucket` for its arguments."""

    def __init__(self, client: Any, bucket: str, options: StoreOptions | None = None) -> None:
        super().__init__(client, bucket, options)
        self._deletes = Deletes(self)
        self._bare_etags = False

    def beside(self, bucket: str, options: StoreOptions) -> S3Store:
        """Return another bucket, asked with the same client."""
        return S3Store(self._s3, bucket, options)

    def start(self, key: str, token: str, options: ExportOptions) -> Upload:
        """Create a multipart upload with what *options* say of a file, and our token as metadata."""
        bucket = Bucket(self._s3, self.bucket, options)
        answer = bucket.ask(
            "create_multipart_upload",
            Key=key,
            Metadata={UPLOAD_FIELD: token},
            ContentType=CONTENT_TYPES[options.compression],
            **({"ChecksumAlgorithm": "CRC32"} if bucket.checksums else {}),
        )
        return Upload(key, answer["UploadId"], token)

    def write_part(self, upload: Upload, number: int, data: bytes | bytearray, part_bytes: int) -> Part:
        """Upload one part with its checksum, which S3 checks before it answers.

        The CRC-32 is also kept for our own comparison. A store that takes no CRC-32 compares the MD5, and so do we
        with its ETag.
        """
        crc = crc32_base64(data)
        check = {"ChecksumCRC32": crc} if self.checksums else self.checksum(data)
        try:
            answer = self.ask(
                "upload_part", Key=upload.key, UploadId=upload.upload_id, PartNumber=number, Body=data, **check
            )
        except ClientError as error:
            if error_code(error) in GONE:
                raise UploadGoneError(f"{self.url(upload.key)}: the upload was completed or aborted") from error
            raise
        if not self.checksums and is_md5_of_other_bytes(answer, data):
            raise UploadError(f"{self.url(upload.key)}: part {number} arrived as other bytes: ETag {answer['ETag']}")
        return Part(number, len(data), quoted(answer["ETag"]), crc)

    def parts(self, upload: Upload) -> list[Part] | None:
        """Return what ListParts says; None for an upload that is gone."""
        found = []
        try:
            for page in self.pages("list_parts", Key=upload.key, UploadId=upload.upload_id):
                for part in page.get("Parts", []):
                    etag = quoted(part["ETag"])
                    found.append(Part(part["PartNumber"], part["Size"], etag, part.get("ChecksumCRC32")))
        except ClientError as error:
            if error_code(error) in GONE:
                return None
            raise
        return found

    def complete(self, upload: Upload, parts: list[Part]) -> str | None:
        """Complete the upload; a lost reply shows as UploadGoneError at botocore's own retry."""
        listed = [
            {"PartNumber": part.number, "ETag": part.etag} | ({"ChecksumCRC32": part.crc32} if self.checksums else {})
            for part in parts
        ]
        try:
            answer = self.ask(
                "complete_multipart_upload",
                Key=upload.key,
                UploadId=upload.upload_id,
                MultipartUpload={"Parts": listed},
            )
        except ClientError as error:
            if error_code(error) in GONE:
                raise UploadGoneError(f"{self.url(upload.key)}: the upload is no more") from error
            if error_code(error) in {"InvalidPart", "InvalidPartOrder", "EntityTooSmall"}:
                raise UploadError(f"{self.url(upload.key)}: {error}") from error
            raise
        version: str | None = answer.get("VersionId")
        return None if version == "null" else version

    def completed(self, upload: Upload, size: int, sha256: str, version_id: str | None = None) -> StoredFile | None:
        """Look at the object: it is ours if it carries the upload's token, which no other object has."""
        wanted = {"VersionId": version_id} if version_id else {}
        try:
            head = self.ask("head_object", Key=upload.key, **wanted)
        except ClientError as error:
            # Some stores without versions answer a version at completion, and do not know it afterwards.
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
        return StoredFile(size, quoted(head["ETag"]), None if version == "null" else version)

    def abort(self, upload: Upload) -> bool:
        """Abort the upload and free its parts."""
        try:
            self.ask("abort_multipart_upload", Key=upload.key, UploadId=upload.upload_id)
        except ClientError as error:
            if error_code(error) in GONE | MISSING:
                return False
            raise
        return True

    def open_uploads(self, prefix: str) -> Iterator[tuple[Upload, float]]:
        """Yield open uploads with their age by S3's clock; their tokens are unknown."""
        for page in self.pages("list_multipart_uploads", Prefix=prefix):
            for found in page.get("Uploads", []):
                yield Upload(found["Key"], found["UploadId"], ""), age(page, found.get("Initiated"))

    def read(self, key: str) -> StoredObject | None:
        """Return an object and its age by S3's clock."""
        try:
            answer = self.ask("get_object", Key=key)
        except ClientError as error:
            if error_code(error) in MISSING:
                return None
            raise
        body = answer["Body"].read()
        return StoredObject(body, self._seen(answer), age(answer, answer.get("LastModified")))

    def stream(
        self, key: str, version_id: str | None = None, *, start: int = 0, etag: str | None = None
    ) -> Iterator[bytes]:
        """Yield an object's bytes, a MiB at a time."""
        wanted = {"VersionId": version_id} if version_id else {}
        wanted |= {"IfMatch": etag} if etag else {}
        wanted |= {"Range": f"bytes={start}-"} if start else {}
        try:
            answer = self.ask("get_object", Key=key, **wanted)
        except ClientError as error:
            if error_code(error) in MISSING or (version_id and error_code(error) in UNKNOWN_VERSION):
                raise FileNotFoundError(self.url(key)) from error
            if error_code(error) in REFUSED:
                raise PreconditionFailedError(f"{self.url(key)} was replaced by another file") from error
            raise
        yield from answer["Body"].iter_chunks(READ_BYTES)

    def put_if(self, key: str, body: bytes, expected: str | None) -> str:
        """PUT with If-Match, or If-None-Match: * for an object that must be new."""
        if expected is None:
            return self._put_if(key, body, IfNoneMatch="*")
        try:
            return self._put_if(key, body, IfMatch=quoted(expected))
        except PreconditionFailedError:
            if not self._bare_etags:
                raise
            # A store that leaves the quotes out of its answers may want them left out of the condition as well.
            return self._put_if(key, body, IfMatch=bare(expected))

    def _put_if(self, key: str, body: bytes, **condition: str) -> str:
        try:
            answer = self.put(key, body, ContentType="application/json", **condition)
        except ClientError as error:
            code = error_code(error)
            # An object that was to be replaced and is gone answers 404.
            if code in REFUSED or ("IfMatch" in condition and code in MISSING):
                raise PreconditionFailedError(f"{self.url(key)} was written by somebody else") from error
            if http_status(error) in UNKNOWN_STATUS:
                raise StoreLacksError(f"{self.url(key)}: {NO_CONDITIONS.format(answer=code)}") from error
            raise
        return self._seen(answer)

    def _seen(self, answer: Any) -> str:
        """Return an answer's ETag in S3's own form, and remember whether the store leaves the quotes out."""
        self._bare_etags = self._bare_etags or not answer["ETag"].endswith('"')
        return quoted(answer["ETag"])

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys below *prefix*."""
        for page in self.pages("list_objects_v2", Prefix=prefix):
            for found in page.get("Contents", []):
                yield found["Key"]

    def remove(self, keys: Iterable[str]) -> None:
        """Delete objects, a thousand at a time or, where the store refuses that, one by one.

        In a versioned bucket this writes delete markers.
        """
        try:
            self._deletes.remove(keys)
        except StoreRefusesError as error:
            raise RemovalRefusedError(str(error)) from error
