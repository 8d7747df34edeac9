"""Removes every trace of an object that was written to try a store: the object, its versions, the delete markers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from billing_aggregator.errors.kinds import classify
from billing_aggregator.s3.answers import error_code

if TYPE_CHECKING:
    from billing_aggregator.s3.bucket import Bucket


class Traces:
    """What has to be removed of one object.

    :param versions: versions that were written, oldest first; none in a bucket without versions.
    """

    def __init__(self, bucket: Bucket, key: str) -> None:
        self._bucket = bucket
        self._key = key
        self._there = False
        self._left = False
        self.versions: list[str] = []

    def add(self, version: str | None) -> None:
        """Remember that the object was written."""
        self._there = self._left = True
        if version not in (None, "null"):
            self.versions.append(str(version))

    def hide(self) -> None:
        """Delete the object, as a run deletes files; raises ClientError."""
        answer = self._bucket.ask("delete_object", Key=self._key)
        self._there = False
        # Also where versioning is suspended: the marker is the version "null" then.
        if answer.get("VersionId") and (self.versions or answer.get("DeleteMarker")):
            self.versions.append(answer["VersionId"])

    def remove(self) -> str:
        """Delete what is left, as far as the policy allows it, and return what was done; never raises S3's errors.

        Does nothing the second time: deleting what is gone would leave one more delete marker.
        """
        told: list[str] = []
        if not self._left:
            return ""
        self._left = False
        try:
            if self._there:
                self.hide()
            told.append(self._bulk())
            while self.versions:
                self._bucket.ask("delete_object", Key=self._key, VersionId=self.versions[-1])
                self.versions.pop()
        except (ClientError, BotoCoreError):
            left = len(self.versions)
            told.append(f"{left} tiny versions stay, because s3:DeleteObjectVersion is not granted" if left else "")
        return ", ".join(["removed", *filter(None, told)])

    def _bulk(self) -> str:
        """Delete all versions with one request; a store that refuses it is asked once for each by the caller."""
        objects: list[dict[str, Any]] = [{"Key": self._key, "VersionId": version} for version in self.versions]
        try:
            answer = self._bucket.ask("delete_objects", Delete={"Objects": objects or [{"Key": self._key}]})
        except ClientError as error:
            if classify(error) == "transient":
                raise
            return f"one by one: the store refuses DeleteObjects ({error_code(error)})"
        refused = {each.get("VersionId") for each in answer.get("Errors", [])}
        self.versions = [version for version in self.versions if version in refused]
        return "with DeleteObjects"
