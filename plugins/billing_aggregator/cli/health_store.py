"""Health of the bucket: a real object and a real multipart upload below the client's prefix, removed afterwards."""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from billing_aggregator.cli.results import Finding, failed, ok
from billing_aggregator.connections import s3_hook
from billing_aggregator.reachability import UnreachableError, bucket_error, check_bucket

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing_aggregator.config import ClientConfig

BODY = b"written by health of the billing data aggregator; may be deleted\n"


def store_findings(config: ClientConfig) -> Iterator[Finding]:
    """Yield what is found in the client's bucket."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        check_bucket(config)
    except UnreachableError as error:
        yield failed("bucket", str(error))
        return
    yield ok("bucket", f"{config.s3_bucket} at {config.s3_url or 'AWS ' + config.s3_region}")
    client: Any = s3_hook(config).get_conn()
    key = f"{config.client}/{config.environment}/_health_{secrets.token_hex(8)}"
    for subject, probe in (("objects", _object), ("multipart uploads", _multipart)):
        try:
            yield ok(subject, probe(client, config.s3_bucket, key))
        except (ClientError, BotoCoreError) as error:
            yield failed(subject, _explain(config, error))


def _object(client: Any, bucket: str, key: str) -> str:
    place = {"Bucket": bucket, "Key": key}
    version = client.put_object(**place, Body=BODY).get("VersionId")
    try:
        body = client.get_object(**place)["Body"].read()
    finally:
        _remove(client, place, version)
    if body != BODY:
        raise AssertionError("the bucket gave back other bytes than it was given")
    return f"written, read and removed: s3://{bucket}/{key}"


def _multipart(client: Any, bucket: str, key: str) -> str:
    place = {"Bucket": bucket, "Key": key}
    upload = client.create_multipart_upload(**place)["UploadId"]
    try:
        client.upload_part(**place, UploadId=upload, PartNumber=1, Body=BODY)
        client.list_multipart_uploads(Bucket=bucket, Prefix=key)
    finally:
        client.abort_multipart_upload(**place, UploadId=upload)
    return "opened, listed and aborted"


def _remove(client: Any, place: dict[str, str], version: str | None) -> None:
    """Delete the probe; in a versioned bucket the version itself, where the policy lets us, else a delete marker."""
    from botocore.exceptions import ClientError

    if version not in (None, "null"):
        with suppress(ClientError):
            client.delete_object(**place, VersionId=version)
            return
    client.delete_object(**place)


def _explain(config: ClientConfig, error: Exception) -> str:
    operation = getattr(error, "operation_name", "")
    needed = {
        "PutObject": "s3:PutObject",
        "GetObject": "s3:GetObject",
        "DeleteObject": "s3:DeleteObject",
        "CreateMultipartUpload": "s3:PutObject",
        "UploadPart": "s3:PutObject",
        "ListMultipartUploads": "s3:ListBucketMultipartUploads",
        "AbortMultipartUpload": "s3:AbortMultipartUpload",
    }.get(operation)
    reason = str(bucket_error(config, error))
    return f"{operation} failed; grant {needed}: {reason}" if needed else reason
