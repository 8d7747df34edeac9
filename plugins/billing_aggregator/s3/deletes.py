"""Deletes objects: a thousand with one request, or one by one where the store refuses that."""

from __future__ import annotations

import logging
from itertools import islice
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from billing_aggregator.errors.kinds import classify
from billing_aggregator.s3.answers import error_code
from billing_aggregator.s3.errors import StoreRefusesError
from billing_aggregator.s3.permissions import is_denied

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing_aggregator.s3.bucket import Bucket

LOG = logging.getLogger(__name__)
DELETE_LIMIT = 1000


class Deletes:
    """Deletes of one bucket; remembers that its store refuses DeleteObjects.

    Stores refuse it in many ways: they require a Content-MD5, which boto3 does not send, do not know the request, or a
    proxy does not let it through. Whatever they answer, a single delete is the simplest request there is, and its
    answer says what is really wrong. Only a denied one is not tried again: both need the same permission.
    """

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self.refused = ""

    def remove(self, keys: Iterable[str]) -> None:
        """Delete objects; what DeleteObjects could not delete is tried once more by itself.

        :raises StoreRefusesError: one cannot be deleted, whoever tries.
        """
        remaining = iter(keys)
        while some := list(islice(remaining, DELETE_LIMIT)):
            for key in self._left_by_bulk(some):
                self._remove_one(key)

    def _remove_one(self, key: str) -> None:
        try:
            self._bucket.ask("delete_object", Key=key)
        except ClientError as error:
            raise self._refusal(key, error) from error

    def _left_by_bulk(self, keys: list[str]) -> list[str]:
        """Try one DeleteObjects; return the keys that are to be deleted singly."""
        if self.refused:
            return keys
        wanted = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        try:
            answer = self._bucket.ask("delete_objects", Delete=wanted)
        except ClientError as error:
            if classify(error) == "transient" or is_denied(error):
                raise self._refusal(keys[0], error) from error
            self.refused = error_code(error)
            LOG.info("%s refuses DeleteObjects (%s): objects are deleted one by one", self._bucket.bucket, self.refused)
            return keys
        return [each["Key"] for each in answer.get("Errors", [])]

    def _refusal(self, key: str, error: ClientError) -> Exception:
        if classify(error) == "transient":
            return error
        return StoreRefusesError(
            f"{self._bucket.url(key)} cannot be removed: {error_code(error)}; grant s3:DeleteObject, and look whether "
            "a lock or a legal hold keeps the object"
        )
