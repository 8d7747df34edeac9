"""S3's error codes: which may be gone at the next try. docs/errors.md shows the same tables.

Codes decide before the HTTP status; a code that no table names is transient with status 5xx (but 501 and 505) and 429.
"""

from __future__ import annotations

TRANSIENT_S3_CODES: dict[str, str] = {
    "BadDigest": "the bytes were changed on their way",
    "BandwidthLimitExceeded": "throttling",
    "ConditionalRequestConflict": "another request for the same key is under way",
    "EC2ThrottledException": "throttling",
    "ExpiredToken": "temporary credentials ran out; new ones are fetched",
    "ExpiredTokenException": "temporary credentials ran out; new ones are fetched",
    "IDPCommunicationError": "the identity provider did not answer STS",
    "IncompleteBody": "the connection broke within the bytes",
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
    "RequestExpired": "the request was too long on its way",
    "RequestLimitExceeded": "throttling",
    "RequestThrottled": "throttling",
    "RequestThrottledException": "throttling",
    "RequestTimeTooSkewed": "the clocks of worker and store are apart: another worker, or NTP, may be right",
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
    "XAmzContentChecksumMismatch": "the bytes were changed on their way",
    "XAmzContentSHA256Mismatch": "the bytes were changed on their way",
}
# Every code that the tables do not name is terminal unless its status says else; these are named because stores send
# some of them with a status of 5xx, or because somebody will look for them.
TERMINAL_S3_CODES: dict[str, str] = {
    "AccessControlListNotSupported": "the bucket takes no ACLs: drop export.acl",
    "AccessDenied": "a permission is missing, or the bucket's policy wants something of the request",
    "AccountProblem": "the account is closed or unpaid",
    "AllAccessDisabled": "the account or the bucket is blocked",
    "AuthorizationHeaderMalformed": "wrong region: set s3_region or BDA_S3_REGION",
    "EntityTooLarge": "more bytes than the store takes in one object or part",
    "EntityTooSmall": "a part below the store's minimum: raise export.part_bytes",
    "IllegalLocationConstraintException": "wrong region: set s3_region or BDA_S3_REGION",
    "InvalidAccessKeyId": "the access key does not exist",
    "InvalidArgument": "a value that the store does not take",
    "InvalidBucketName": "no bucket can have this name",
    "InvalidDigest": "the checksum is malformed",
    "InvalidObjectState": "the object is archived and has to be restored first",
    "InvalidPayer": "the requester's account cannot pay",
    "InvalidRequest": "a form of request that the store does not take",
    "InvalidStorageClass": "the store has no such storage class: see export.storage_class",
    "InvalidTag": "a tag that the store does not take: see export.tags",
    "InvalidToken": "the session token is malformed, or belongs to other keys",
    "KMS.DisabledException": "the key is disabled",
    "KMS.InvalidKeyUsageException": "the key is not for encryption",
    "KMS.InvalidStateException": "the key is about to be deleted, or not ready",
    "KMS.KMSInvalidStateException": "the key is about to be deleted, or not ready",
    "KMS.NotFoundException": "there is no such key: see export.kms_key_id",
    "KeyTooLongError": "the key has more than 1,024 bytes",
    "MalformedXML": "a form of request that the store does not take",
    "MethodNotAllowed": "the store, or a proxy before it, does not do this operation",
    "MissingContentLength": "the store, or a proxy before it, wants a length",
    "MissingContentMD5": "the store wants a Content-MD5",
    "NoSuchBucket": "the bucket does not exist",
    "NoSuchUpload": "the upload was completed or aborted",
    "NotImplemented": "the store does not do this",
    "NotSignedUp": "the account does not use S3",
    "PermanentRedirect": "the bucket is in another region, or at another endpoint",
    "PreconditionFailed": "somebody else has written the object",
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
    """Tell whether an answer with this code and HTTP status (0: unknown) may be another one at the next try."""
    if code in TRANSIENT_S3_CODES:
        return True
    if code in TERMINAL_S3_CODES:
        return False
    # HEAD answers have no body, so botocore takes the status for the code.
    status = status or (int(code) if code.isdigit() else 0)
    return status == HTTP_TOO_MANY_REQUESTS or (status >= HTTP_SERVER_ERROR and status not in HTTP_LASTING)
