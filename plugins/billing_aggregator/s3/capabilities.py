"""Finds out what a store can do, with an object of our own below the client's prefix, before any work is done.

A dozen small requests. The key is random, so probes of two runs do not meet. Nothing is left behind, but for versions
in a versioned bucket whose policy does not let us delete versions.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from billing_aggregator.errors.kinds import classify
from billing_aggregator.s3.answers import age, bare, error_code, has_date, http_status, quoted
from billing_aggregator.s3.conditions import IGNORES, NO_CONDITIONS, REFUSED, WAY_OUT
from billing_aggregator.s3.errors import StoreLacksError
from billing_aggregator.s3.permissions import is_denied, to_grant, told
from billing_aggregator.s3.traces import Traces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing_aggregator.s3.bucket import Bucket

BODY = b'{"written by": "the billing data aggregator, to try the store; may be deleted"}\n'
OTHER_ETAG = '"00000000000000000000000000000000"'
#: Where the store's answers have no Date, ages are by the worker's clock: so far it may be from the store's.
CLOCK_SECONDS = 60
NO_CHECKSUMS = (
    "the store refuses checksums (x-amz-checksum-crc32: {answer}); set export.checksums: false, "
    "parts then carry Content-MD5"
)


@dataclass(frozen=True)
class Capability:
    """One thing that the store was asked for.

    :param subject: what, such as ``conditional writes``.
    :param lacks: what is wrong and what to do; empty if nothing is.
    :param detail: what was found.
    """

    subject: str
    detail: str
    lacks: str = ""


def capabilities(bucket: Bucket, prefix: str, plain: Callable[[], Bucket]) -> Iterator[Capability]:
    """Yield what the store can do, one subject after the other.

    :param prefix: the client's, with a slash at its end.
    :param plain: returns the same bucket without checksums, to find out whether the store refuses those.
    :raises ClientError: a transient one; then nothing is known.
    """
    probe = _Probe(bucket, f"{prefix}_probe_{secrets.token_hex(8)}", plain)
    try:
        written = probe.examine("objects", probe.objects)
        yield written
        if not written.lacks:
            yield probe.examine("conditional writes", probe.conditions)
            yield probe.examine("answers", probe.answers)
        yield probe.examine("multipart uploads", probe.multipart)
        if not written.lacks:
            yield probe.examine("deletes", probe.deletes)
    finally:
        probe.traces.remove()


class _Probe:
    """One object, written, read and removed again.

    :param key: random, below the client's prefix.
    """

    def __init__(self, bucket: Bucket, key: str, plain: Callable[[], Bucket]) -> None:
        self._bucket = bucket
        self._key = key
        self._plain = plain
        self._etag = ""
        self._found: Any = None
        self.traces = Traces(bucket, key)

    def examine(self, subject: str, look: Callable[[], str]) -> Capability:
        """Return what *look* finds out; an error that a retry may fix is raised."""
        try:
            return Capability(subject, look())
        except StoreLacksError as error:
            return Capability(subject, "", str(error))
        except ClientError as error:
            if classify(error) == "transient":
                raise
            return Capability(subject, "", _explain(error, self._bucket))

    def objects(self) -> str:
        """Write, read and list the object."""
        try:
            self._put(self._bucket, IfNoneMatch="*")
        except ClientError as error:
            self._raise_cause(error, self._put, conditional=True)
            raise
        self._found = self._bucket.ask("get_object", Key=self._key)
        if self._found["Body"].read() != BODY:
            raise StoreLacksError("the bucket gave back other bytes than it was given")
        self._read_version()
        listed = self._bucket.ask("list_objects_v2", Prefix=self._key, MaxKeys=1)
        if not listed.get("Contents"):
            raise StoreLacksError("an object that was written is not listed; files of earlier runs would be overlooked")
        return f"written, read and listed: {self._bucket.url(self._key)}{_asked(self._bucket)}"

    def conditions(self) -> str:
        """Find out whether conditions are honoured: a false one is refused, a true one accepted."""
        self._must_refuse("If-None-Match: *", IfNoneMatch="*")
        self._must_refuse("If-Match", IfMatch=OTHER_ETAG)
        for form in dict.fromkeys((quoted(self._found["ETag"]), bare(self._found["ETag"]))):
            try:
                self._put(self._bucket, IfMatch=form)
            except ClientError as error:
                if error_code(error) in REFUSED:
                    continue
                raise StoreLacksError(NO_CONDITIONS.format(answer=error_code(error))) from error
            return "If-None-Match and If-Match are kept"
        raise StoreLacksError(f"the store refuses If-Match with the ETag that it answered itself: {WAY_OUT}")

    def answers(self) -> str:
        """Find out how the store's answers are written."""
        if bare(self._found["ETag"]) != bare(self._etag):
            raise StoreLacksError(
                f"an object's ETag is {self._etag} when it is written and {self._found['ETag']} when it is read, so "
                "nobody can tell whether it was changed; look at the proxy before the store"
            )
        told = ["ETags with quotes" if self._found["ETag"] == quoted(self._found["ETag"]) else "ETags without quotes"]
        told.append("versioned" if self.traces.versions else "no versions: see docs/export.md for what readers see")
        if has_date(self._found):
            return ", ".join([*told, "Date"])
        apart = abs(age(self._found, self._found.get("LastModified")))
        if apart > CLOCK_SECONDS:
            raise StoreLacksError(
                f"the store's answers have no Date, and its clock and that of this machine are {apart:.0f} s apart, so "
                "nobody can tell how old a lock is; set both clocks by NTP"
            )
        return ", ".join([*told, "no Date: ages are by this machine's clock"])

    def multipart(self) -> str:
        """Open an upload, write a part, list both, abort."""
        try:
            return self._upload(self._bucket)
        except ClientError as error:
            self._raise_cause(error, self._upload, conditional=False)
            raise

    def deletes(self) -> str:
        """Remove the object, then all traces of it, with one request if the store allows it."""
        self.traces.hide()
        return self.traces.remove()

    def _read_version(self) -> None:
        """Ask for the object by its version, as a publication does, which another permission allows."""
        for version in self.traces.versions:
            try:
                self._bucket.ask("head_object", Key=self._key, VersionId=version)
            except ClientError as error:
                # Some stores answer a version and do not know it afterwards: nobody asks for it there.
                if is_denied(error):
                    raise StoreLacksError(str(error)) from error

    def _put(self, bucket: Bucket, **condition: str) -> None:
        answer = bucket.put(self._key, BODY, ContentType="application/json", **condition)
        self._etag = answer["ETag"]
        self.traces.add(answer.get("VersionId"))

    def _must_refuse(self, header: str, **condition: str) -> None:
        before = self._etag
        try:
            self._put(self._bucket, **condition)
        except ClientError as error:
            if error_code(error) in REFUSED:
                return
            if is_denied(error) or classify(error) == "transient":
                raise
            raise StoreLacksError(NO_CONDITIONS.format(answer=error_code(error))) from error
        self._etag = before
        raise StoreLacksError(IGNORES.format(header=header))

    def _upload(self, bucket: Bucket) -> str:
        algorithm = {"ChecksumAlgorithm": "CRC32"} if bucket.checksums else {}
        uploads: list[str] = []
        try:
            uploads.append(bucket.ask("create_multipart_upload", Key=self._key, **algorithm)["UploadId"])
            place = {"Key": self._key, "UploadId": uploads[0]}
            answer = bucket.ask("upload_part", **place, PartNumber=1, Body=BODY, **bucket.checksum(BODY))
            parts = bucket.ask("list_parts", **place).get("Parts", [])
            if [(bare(part["ETag"]), part["Size"]) for part in parts] != [(bare(answer["ETag"]), len(BODY))]:
                raise StoreLacksError(f"the list of an upload's parts is not what was written: {parts}")
            uploads += self._open_uploads(bucket)
        except BaseException:
            with suppress(ClientError, BotoCoreError):
                uploads += self._open_uploads(bucket)
            with suppress(ClientError, BotoCoreError):
                self._abort(bucket, uploads)
            raise
        self._abort(bucket, uploads)
        return f"opened, written to, listed and aborted{', with checksums' if bucket.checksums else ''}"

    def _open_uploads(self, bucket: Bucket) -> list[str]:
        """Return the ids of all uploads of the key: whose reply was lost was opened, and nobody was told its id."""
        found = bucket.ask("list_multipart_uploads", Prefix=self._key).get("Uploads", [])
        return [upload["UploadId"] for upload in found]

    def _abort(self, bucket: Bucket, uploads: list[str]) -> None:
        for upload in dict.fromkeys(uploads):
            bucket.ask("abort_multipart_upload", Key=self._key, UploadId=upload)

    def _raise_cause(self, error: ClientError, again: Callable[[Bucket], Any], *, conditional: bool) -> None:
        """Raise what the store lacks if the same request succeeds without a condition, or without checksums."""
        if is_denied(error) or classify(error) == "transient":
            return
        answer = f"{http_status(error)} {error_code(error)}"
        tries: list[tuple[Callable[[], Bucket], str]] = [(lambda: self._bucket, NO_CONDITIONS)] if conditional else []
        tries += [(self._plain, NO_CHECKSUMS)] if self._bucket.checksums else []
        for which, words in tries:
            try:
                again(which())
            except ClientError:
                continue
            raise StoreLacksError(words.format(answer=answer)) from error


def _explain(error: ClientError, bucket: Bucket) -> str:
    """Return what a terminal answer means and what to do about it."""
    if is_denied(error):
        return f"{to_grant(error, bucket.options)}: access denied ({told(error)})"
    return f"{getattr(error, 'operation_name', 'the request')} failed: {told(error)}{_asked(bucket)}"


def _asked(bucket: Bucket) -> str:
    """Return what the options ask of objects, for a person who wonders what the store does not like."""
    extras = bucket.extras("create_multipart_upload")
    return f" (with {', '.join(f'{name}={value}' for name, value in extras.items())})" if extras else ""
