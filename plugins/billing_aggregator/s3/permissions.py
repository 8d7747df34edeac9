"""What a refused request means: the actions, by S3's names, that a bucket's policy has to allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from billing_aggregator.s3.answers import error_code, http_status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing_aggregator.config.store_options import StoreOptions

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
#: What the same operations need where they name an object's version.
ACTIONS_OF_VERSIONS = {"GetObject": "s3:GetObjectVersion", "HeadObject": "s3:GetObjectVersion"}
#: 403 is what a HEAD answers, which has no body. Other refusals with this status, such as a wrong signature, are no
#: matter of permissions.
DENIALS = {"AccessDenied", "403", "Forbidden"}
CREATING = ("PutObject", "CreateMultipartUpload", "UploadPart")
KEY_ACTIONS = ("kms:GenerateDataKey", "kms:Decrypt")
#: With a KMS key, these need it as well.
READING = ("GetObject", "HeadObject", "CompleteMultipartUpload")


class DeniedError(ClientError):
    """S3 has refused a request for lack of a permission; its text is one line that names the actions to grant.

    :param response: S3's answer, as botocore has read it.
    :param place: of the object or bucket, as an address.
    :param grant: what to grant. Both are empty only where the error is copied from one process to another.
    """

    def __init__(self, response: Any, operation_name: str, place: str = "", grant: str = "") -> None:
        super().__init__(response, operation_name)
        self.place, self.grant = place, grant

    def __str__(self) -> str:
        # What S3 said comes first: messages cut a long line at its end.
        return f"{self.place}: access denied ({told(self)}); {self.grant}" if self.grant else super().__str__()


def action(error: ClientError, *, of_version: bool = False) -> str:
    """Return the action that a refused request needs, e.g. ``s3:PutObject``; empty if it is not one of ours."""
    operation = str(getattr(error, "operation_name", ""))
    return (of_version and ACTIONS_OF_VERSIONS.get(operation)) or ACTIONS.get(operation, "")


def is_denied(error: ClientError) -> bool:
    """Tell whether the request was refused for lack of a permission, and not for its form."""
    return error_code(error) == "AccessDenied" or http_status(error) == FORBIDDEN


def in_words(error: ClientError, place: str, params: Mapping[str, Any], options: StoreOptions) -> ClientError:
    """Return *error*, or a :class:`DeniedError` in its place where a permission is missing.

    :param place: of the object or bucket, as an address.
    :param params: of the request.
    """
    if isinstance(error, DeniedError) or error_code(error) not in DENIALS:
        return error
    grant = to_grant(error, options, of_version="VersionId" in params)
    return DeniedError(error.response, error.operation_name, place, grant)


def told(error: ClientError) -> str:
    """Return the code and the message of S3's answer."""
    return f"{error_code(error)}: {error.response.get('Error', {}).get('Message', '')}".rstrip(": ")


def to_grant(error: ClientError, options: StoreOptions, *, of_version: bool = False) -> str:
    """Return what to do about a denied request: the actions to grant, and which options the policy may wait for."""
    needed = [action(error, of_version=of_version)]
    operation = str(getattr(error, "operation_name", ""))
    if operation in CREATING:
        needed += ["s3:PutObjectAcl"] if options.acl else []
        needed += ["s3:PutObjectTagging"] if options.tags else []
    encrypting = operation in CREATING or operation in READING
    if encrypting and options.encryption == "sse-kms":
        needed += KEY_ACTIONS
    text = f"{operation} failed; grant {', '.join(each for each in needed if each)}"
    if operation in CREATING and options.encryption == "bucket":
        text += ", or set export.encryption where the bucket's policy refuses objects that do not ask for it"
    if encrypting and options.encryption == "bucket":
        text += f"; where the bucket encrypts with a KMS key also {' and '.join(KEY_ACTIONS)} of the key"
    if not options.requester_pays and operation in ACTIONS:
        text += "; of a bucket whose requester pays, set export.requester_pays"
    return text
