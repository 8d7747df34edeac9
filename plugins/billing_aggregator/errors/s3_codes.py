"""S3's error codes: which are transient. docs/errors.md shows the same tables.

The code decides before the HTTP status; a code in no table is transient with status 5xx (except 501 and 505) and 429.
"""

from __future__ import annotations

TRANSIENT_S3_CODES: dict[str, str] = {
    "BadDigest": "the bytes were changed in transit",
    "BandwidthLimitExceeded": "throttling",
    "ConditionalRequestConflict": "another request for the same key is under way",
    "EC2ThrottledException": "throttling",
    "ExpiredToken": "temporary credentials ran out; new ones are fetched",
    "ExpiredTokenException": "temporary credentials ran out; new ones are fetched",
    "IDPCommunicationError": "the identity provider did not answer STS",
    "IncompleteBody": "the connection broke in the middle of the body",
    "InternalError": "S3's own failure",
    "KMS.DependencyTimeoutException": "KMS' own failure",
    "KMS.InternalException": "KMS' own failure",
    "KMS.KeyUnavailableException": "KMS' own failure",
    "KMS.KMSInternalException": "KMS' own failure",
    "KMS.LimitExceededException": "throttling of KMS",
    "KMS.ThrottlingException": "throttling of KMS",
    "LimitExceededException": "throttling",
    "OperationAborted": "another request for the same key is under way",
    "PriorRequestNotComplete": "throttling",
    "RequestExpired": "the request was in transit too long",
    "RequestLimitExceeded": "throttling",
    "RequestThrottled": "throttling",
    "RequestThrottledException": "throttling",
    "RequestTimeTooSkewed": "the clocks of worker and store differ: another worker, or NTP, may fix it",
    "RequestTimeout": "the connection stalled",
    "RequestTimeoutException": "the connection stalled",
    "ServiceUnavailable": "S3's own failure",
    "SlowDown": "throttling",
    "TemporaryRedirect": "a new bucket that is not known everywhere yet",
    "Throttling": "throttling",
    "ThrottlingException": "throttling",
    "ThrottledException": "throttling",
    "TokenRefreshRequired": "temporary credentials ran out; new ones are fetched",
    "TooManyRequestsException": "throttling",
    "TransactionInProgressException": "throttling",
    "XAmzContentChecksumMismatch": "the bytes were changed in transit",
    "XAmzContentSHA256Mismatch": "the bytes were changed in transit",
}
# Codes in no table are terminal unless their status is transient. These are listed because stores send some of them
# with a status of 5xx, or because people look for them in the docs.
TERMINAL_S3_CODES: dict[str, str] = {
    "AccessControlListNotSupported": "the bucket does not accept ACLs: drop export.acl",
    "AccessDenied": "a permission is missing, or the bucket's policy requires something of the request",
    "AccountProblem": "the account is closed or unpaid",
    "AllAccessDisabled": "the account or the bucket is blocked",
    "AuthorizationHeaderMalformed": "wrong region: set s3_region or BDA_S3_REGION",
    "EntityTooLarge": "more bytes than the store accepts in one object or part",
    "EntityTooSmall": "a part below the store's minimum: raise export.part_bytes",
    "IllegalLocationConstraintException": "wrong region: set s3_region or BDA_S3_REGION",
    "InvalidAccessKeyId": "the access key does not exist",
    "InvalidArgument": "a value that the store does not accept",
    "InvalidBucketName": "no bucket can have this name",
    "InvalidDigest": "the checksum is malformed",
    "InvalidObjectState": "the object is archived and has to be restored first",
    "InvalidPayer": "the requester's account cannot pay",
    "InvalidRequest": "a form of request that the store does not accept",
    "InvalidStorageClass": "the store has no such storage class: see export.storage_class",
    "InvalidTag": "a tag that the store does not accept: see export.tags",
    "InvalidToken": "the session token is malformed, or belongs to other keys",
    "KMS.DisabledException": "the key is disabled",
    "KMS.InvalidKeyUsageException": "the key is not for encryption",
    "KMS.InvalidStateException": "the key is about to be deleted, or not ready",
    "KMS.KMSInvalidStateException": "the key is about to be deleted, or not ready",
    "KMS.NotFoundException": "there is no such key: see export.kms_key_id",
    "KeyTooLongError": "the key has more than 1,024 bytes",
    "MalformedXML": "a form of request that the store does not accept",
    "MethodNotAllowed": "the store, or a proxy before it, does not support this operation",
    "MissingContentLength": "the store, or a proxy before it, requires a length",
    "MissingContentMD5": "the store requires a Content-MD5",
    "NoSuchBucket": "the bucket does not exist",
    "NoSuchUpload": "the upload was completed or aborted",
    "NotImplemented": "the store does not support this",
    "NotSignedUp": "the account does not use S3",
    "PermanentRedirect": "the bucket is in another region, or at another endpoint",
    "PreconditionFailed": "another writer has changed the object",
    "QuotaExceeded": "the bucket is full",
    "SignatureDoesNotMatch": "the secret key is wrong, or a proxy changes the request",
    "TooManyParts": "more than 10,000 parts: raise export.part_bytes",
    "UnauthorizedAccess": "the account may not use this region",
    "XMinioAdminBucketQuotaExceeded": "the bucket is full",
}
HTTP_TOO_MANY_REQUESTS = 429
HTTP_SERVER_ERROR = 500
HTTP_LASTING = (501, 505)


def is_transient(code: str, status: int) -> bool:
    """Return whether a retry may help after an answer with this code and HTTP status (0: unknown)."""
    if code in TRANSIENT_S3_CODES:
        return True
    if code in TERMINAL_S3_CODES:
        return False
    # HEAD answers have no body, so botocore uses the status as the code.
    status = status or (int(code) if code.isdigit() else 0)
    return status == HTTP_TOO_MANY_REQUESTS or (status >= HTTP_SERVER_ERROR and status not in HTTP_LASTING)
