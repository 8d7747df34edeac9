"""A bucket: the one place that adds to every request what the options say."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from botocore.exceptions import ClientError

from billing_aggregator.config.store_options import StoreOptions
from billing_aggregator.s3.answers import crc32_base64, md5
from billing_aggregator.s3.permissions import in_words

if TYPE_CHECKING:
    from collections.abc import Iterator

TOO_MANY = 429
ENCRYPTIONS = {"sse-s3": "AES256", "sse-kms": "aws:kms"}


class Bucket:
    """A bucket, asked as its options require.

    :param client: a boto3 S3 client.
    :param bucket: its name.
    :param options: what is sent with requests and objects; None means S3's defaults.
    """

    def __init__(self, client: Any, bucket: str, options: StoreOptions | None = None) -> None:
        self._s3 = client
        # The same function for a client that is used by many buckets: it is registered once.
        client.meta.events.register("response-received.s3", throttled, unique_id="billing-aggregator-throttled")
        self.bucket = bucket
        self.options = options or StoreOptions()
        self._extras: dict[str, dict[str, Any]] = {}

    def use(self, options: StoreOptions) -> None:
        """Send what *options* say with every request from now on."""
        self.options = options
        self._extras = {}

    def url(self, key: str) -> str:
        """Return ``s3://bucket/key``."""
        return f"s3://{self.bucket}/{key}"

    def ask(self, operation: str, **params: Any) -> Any:
        """Send a request and return the answer.

        :param operation: name of the client's method, e.g. ``get_object``.
        :raises ClientError: S3 has refused; DeniedError, which is one, where a permission is missing.
        """
        try:
            return getattr(self._s3, operation)(Bucket=self.bucket, **self.extras(operation), **params)
        except ClientError as error:
            raise in_words(error, self.url(params.get("Key", "")), params, self.options) from error

    def pages(self, operation: str, **params: Any) -> Iterator[Any]:
        """Yield the pages of a listing; raises as :meth:`ask` does."""
        pages = self._s3.get_paginator(operation).paginate(Bucket=self.bucket, **self.extras(operation), **params)
        try:
            yield from pages
        except ClientError as error:
            place = self.url(params.get("Key") or params.get("Prefix", ""))
            raise in_words(error, place, params, self.options) from error

    def put(self, key: str, body: bytes, **params: Any) -> Any:
        """Write a small object whole and return the answer.

        Its checksum is given, not left to boto3, which would send it behind the body (``aws-chunked``): many stores
        do not know that form.
        """
        return self.ask("put_object", Key=key, Body=body, **self.checksum(body), **params)

    def link(self, key: str, version_id: str | None, seconds: int) -> str:
        """Return an address by which anybody can read the object for so many seconds; nothing is asked of the store.

        Browsers save it under the last part of its key. It has none of the options: a browser would not send them.
        """
        named = f"attachment; filename*=UTF-8''{quote(key.rpartition('/')[2])}"
        params = {"Bucket": self.bucket, "Key": key, "ResponseContentDisposition": named}
        if version_id:
            params["VersionId"] = version_id
        return str(self._s3.generate_presigned_url("get_object", Params=params, ExpiresIn=seconds))

    def checksum(self, data: bytes | bytearray) -> dict[str, str]:
        """Return the header that lets the store compare what arrives."""
        if self.checksums:
            return {"ChecksumCRC32": crc32_base64(data)}
        return {"ContentMD5": b64encode(md5(data)).decode()}

    @property
    def checksums(self) -> bool:
        """Whether ``x-amz-checksum-*`` may be sent: neither the options nor the client's settings forbid it."""
        required = getattr(self._s3.meta.config, "request_checksum_calculation", None) == "when_required"
        return self.options.checksums and not required

    def extras(self, operation: str) -> dict[str, Any]:
        """Return what the options add to an operation: whatever of it the operation takes, by S3's own model."""
        if operation not in self._extras:
            model = self._s3.meta.service_model.operation_model(self._s3.meta.method_to_api_mapping[operation])
            wanted = _parameters(self.options)
            if operation == "put_object":
                wanted.pop("StorageClass", None)
            self._extras[operation] = {name: wanted[name] for name in wanted if name in model.input_shape.members}
        return self._extras[operation]


def throttled(parsed_response: Any = None, **_: Any) -> None:
    """Give each answer 429 the code that botocore tries again: it knows those of AWS only, other stores have others."""
    answer = parsed_response or {}
    if answer.get("ResponseMetadata", {}).get("HTTPStatusCode") == TOO_MANY and "Error" in answer:
        answer["Error"]["Code"] = "SlowDown"


def _parameters(options: StoreOptions) -> dict[str, Any]:
    """Return the options as boto3 names them."""
    wanted: dict[str, Any] = {
        "ServerSideEncryption": ENCRYPTIONS.get(options.encryption),
        "SSEKMSKeyId": options.kms_key_id,
        "BucketKeyEnabled": options.bucket_key,
        "ACL": options.acl,
        "StorageClass": options.storage_class,
        "Tagging": urlencode(sorted(options.tags.items())) or None,
        "RequestPayer": "requester" if options.requester_pays else None,
        "ExpectedBucketOwner": options.expected_bucket_owner,
    }
    return {name: value for name, value in wanted.items() if value is not None}
