"""An S3 server that keeps IAM policies: who asks is known by the access key, what that needs is AWS' own table."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from tests.faults.faulty_s3 import REFUSAL, FaultyS3
from tests.privileges.policies import Ask, Policy, allows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Operations on an object: what each needs, by AWS' "Required permissions for Amazon S3 API operations".
OF_OBJECTS = {
    "create upload": "s3:PutObject",
    "upload part": "s3:PutObject",
    "complete upload": "s3:PutObject",
    "abort upload": "s3:AbortMultipartUpload",
    "list parts": "s3:ListMultipartUploadParts",
    "put": "s3:PutObject",
    "get": "s3:GetObject",
    "head": "s3:GetObject",
    "delete": "s3:DeleteObject",
}
CREDENTIAL = re.compile(r"Credential=([^/]+)/")
DELETED = re.compile(rb"<Object>(.*?)</Object>", re.DOTALL)
TEXT = {name: re.compile(rf"<{name}>(.*?)</{name}>".encode(), re.DOTALL) for name in ("Key", "VersionId")}


class GuardedS3(FaultyS3):
    """The failing server with policies.

    ``policies`` has access key -> policy; who has none may do everything. ``keys`` has the KMS keys by bucket.
    ``asked`` has each action that somebody with a policy needed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.policies: dict[str, Policy] = {}
        self.keys: dict[str, str] = {}
        self.asked: set[str] = set()

    def _answer(self, environ: dict[str, Any], start_response: Any, name: str) -> Iterable[bytes]:
        found = CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
        policy = self.policies.get(found.group(1)) if found else None
        if policy is None:
            return super()._answer(environ, start_response, name)
        if name == "delete objects":
            return self._delete_objects(policy, environ, start_response)
        needed = list(self._needed(environ, name))
        self.asked.update(ask.action for ask in needed)
        if not all(allows(policy, ask) for ask in needed):
            return _refused(environ, start_response)
        kept: list[Any] = []
        body = super()._answer(environ, lambda *answer: kept.extend(answer), name)
        if kept[0].startswith("404") and environ["REQUEST_METHOD"] in {"GET", "HEAD"}:
            # Who may not list is not told that an object is missing.
            bucket, key = _place(environ)
            if key and not allows(policy, Ask("s3:ListBucket", _arn(bucket), {"s3:prefix": key})):
                return _refused(environ, start_response)
        start_response(*kept)
        return body

    def _needed(self, environ: dict[str, Any], name: str) -> Iterator[Ask]:
        bucket, key = _place(environ)
        query = parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
        if not key:
            listing = {"list uploads": "s3:ListBucketMultipartUploads", "list objects": "s3:ListBucket"}
            action = "s3:ListBucketVersions" if "versions" in query else listing.get(name, f"s3:unknown {name}")
            yield Ask(action, _arn(bucket), {"s3:prefix": query.get("prefix", [""])[0]})
            return
        resource = f"{_arn(bucket)}/{key}"
        verb = name if name in OF_OBJECTS else name.split(maxsplit=1)[0]
        yield Ask(OF_OBJECTS[verb] + ("Version" if "versionId" in query else ""), resource, {})
        if verb == "put" and "HTTP_IF_MATCH" in environ:
            yield Ask("s3:GetObject", resource, {})
        if verb in {"put", "create upload"}:
            if "HTTP_X_AMZ_ACL" in environ:
                yield Ask("s3:PutObjectAcl", resource, {})
            if "HTTP_X_AMZ_TAGGING" in environ:
                yield Ask("s3:PutObjectTagging", resource, {})
        if bucket in self.keys:
            if verb in {"put", "create upload", "upload part"}:
                yield Ask("kms:GenerateDataKey", self.keys[bucket], {})
            if verb in {"get", "create upload", "upload part", "complete upload"}:
                yield Ask("kms:Decrypt", self.keys[bucket], {})

    def _delete_objects(self, policy: Policy, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer each key by itself, as S3 does: the request succeeds, and lists what it has refused."""
        bucket, _ = _place(environ)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        refused = b""
        for each in DELETED.findall(body):
            names = {name: found.group(1) for name, text in TEXT.items() if (found := text.search(each))}
            action = "s3:DeleteObjectVersion" if "VersionId" in names else "s3:DeleteObject"
            self.asked.add(action)
            if not allows(policy, Ask(action, f"{_arn(bucket)}/{names['Key'].decode()}", {})):
                body = body.replace(b"<Object>" + each + b"</Object>", b"")
                refused += b"<Error>" + each + b"<Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        if not DELETED.search(body):
            start_response("200 OK", [("Content-Type", "application/xml")])
            return [b"<?xml version='1.0'?><DeleteResult>" + refused + b"</DeleteResult>"]
        environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        kept: list[Any] = []
        answer = b"".join(super()._answer(environ, lambda *told: kept.extend(told), "delete objects"))
        headers = [(name, value) for name, value in kept[1] if name.lower() != "content-length"]
        start_response(kept[0], headers)
        return [answer.replace(b"</DeleteResult>", refused + b"</DeleteResult>")]


def _place(environ: dict[str, Any]) -> tuple[str, str]:
    """Return bucket and key of a request in path style."""
    bucket, _, key = unquote(environ["PATH_INFO"]).lstrip("/").partition("/")
    return bucket, key


def _arn(bucket: str) -> str:
    return f"arn:aws:s3:::{bucket}"


def _refused(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("403 Forbidden", [("Content-Type", "application/xml")])
    head = environ["REQUEST_METHOD"] == "HEAD"
    return [] if head else [REFUSAL.format(code="AccessDenied").replace("on demand", "Access Denied").encode()]
