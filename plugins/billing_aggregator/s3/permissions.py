"""What a refused request means: the actions, by S3's names, that a bucket's policy has to allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.s3.answers import error_code, http_status

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

    from billing_aggregator.config.store_options import StoreOptions
    from billing_aggregator.s3.bucket import Bucket

FORBIDDEN = 403
ACTIONS = {
    "PutObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "DeleteObject": "s3:DeleteObject",
    "DeleteObjects": "s3:DeleteObject",
    "ListObjectsV2": "s3:ListBucket",
    "ListParts": "s3:ListMultipartUploadParts",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
}
CREATING = ("PutObject", "CreateMultipartUpload", "UploadPart")


def action(error: ClientError) -> str:
    """Return the action that a refused request needs, e.g. ``s3:PutObject``; empty if it is not one of ours."""
    return ACTIONS.get(str(getattr(error, "operation_name", "")), "")


def is_denied(error: ClientError) -> bool:
    """Tell whether the request was refused for lack of a permission, and not for its form."""
    return error_code(error) == "AccessDenied" or http_status(error) == FORBIDDEN


def to_grant(error: ClientError, options: StoreOptions) -> str:
    """Return what to do about a denied request: the actions to grant, and which options the policy may wait for."""
    needed = [action(error)]
    operation = str(getattr(error, "operation_name", ""))
    if operation in CREATING:
        needed += ["s3:PutObjectAcl"] if options.acl else []
        needed += ["s3:PutObjectTagging"] if options.tags else []
        needed += ["kms:GenerateDataKey", "kms:Decrypt"] if options.encryption == "sse-kms" else []
    text = f"{operation} failed; grant {', '.join(each for each in needed if each)}"
    if operation in CREATING and options.encryption == "bucket":
        text += ", or set export.encryption where the bucket's policy refuses objects that do not ask for it"
    if not options.requester_pays and operation in ACTIONS:
        text += "; of a bucket whose requester pays, set export.requester_pays"
    return text


def explain(error: ClientError, bucket: Bucket) -> str:
    """Return what a terminal answer means and what to do about it."""
    said = f"{error_code(error)}: {error.response.get('Error', {}).get('Message', '')}".rstrip(": ")
    if is_denied(error):
        return f"{to_grant(error, bucket.options)}: access denied ({said})"
    return f"{getattr(error, 'operation_name', 'the request')} failed: {said}{asked(bucket)}"


def asked(bucket: Bucket) -> str:
    """Return what the options ask of objects, for a person who wonders what the store does not like."""
    extras = bucket.extras("create_multipart_upload")
    return f" (with {', '.join(f'{name}={value}' for name, value in extras.items())})" if extras else ""
