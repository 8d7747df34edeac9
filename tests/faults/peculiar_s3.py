"""S3 servers other than AWS: each habit is that of some store, proxy or bucket policy, over the wire."""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING, Any

from werkzeug.serving import WSGIRequestHandler

from tests.faults.faulty_s3 import REFUSAL, FaultyS3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    #: Takes the request and its name (see ``faulty_s3.operation``), may change it; returns status and code to refuse.
    Habit = Callable[[dict[str, Any], str], tuple[int, str] | None]

_numbers = count(1)
CREATING = {"put file", "put lock", "put manifest", "create upload"}
CHECKSUMS = re.compile(r"HTTP_X_AMZ_(CHECKSUM_\w+|SDK_CHECKSUM_ALGORITHM|TRAILER)")


class PeculiarS3(FaultyS3):
    """A server with habits.

    ``requests`` has the name and the environ of each request.

    :param bare_etags: ETags have no quotes, in headers and in lists.
    :param no_date: answers have no Date.
    """

    def __init__(self, *habits: Habit, bare_etags: bool = False, no_date: bool = False) -> None:
        super().__init__()
        self.habits = habits
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self._bare_etags = bare_etags
        if no_date:
            self._server.RequestHandlerClass = WithoutDate

    def new_bucket(self, *, versioned: bool = True) -> str:
        """Create a bucket whatever the habits, and forget that; return its name.

        moto's buckets are those of the process: no two servers have one of the same name.
        """
        name = f"peculiar-{next(_numbers)}"
        habits, self.habits = self.habits, ()
        self.create_bucket(name, versioned=versioned)
        self.habits = habits
        self.seen.clear()
        self.requests.clear()
        return name

    def _answer(self, environ: dict[str, Any], start_response: Any, name: str) -> Iterable[bytes]:
        self.requests.append((name, dict(environ)))
        for habit in self.habits:
            refusal = habit(environ, name)
            if refusal is not None:
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                start_response(f"{refusal[0]} refused", [("Content-Type", "application/xml")])
                return [REFUSAL.format(code=refusal[1]).encode()]
        if not self._bare_etags:
            return super()._answer(environ, start_response, name)
        kept: list[Any] = []
        body = b"".join(super()._answer(environ, lambda *answer: kept.extend(answer), name))
        if name != "get file":
            body = body.replace(b"<ETag>&quot;", b"<ETag>").replace(b'<ETag>"', b"<ETag>")
            body = body.replace(b"&quot;</ETag>", b"</ETag>").replace(b'"</ETag>', b"</ETag>")
        headers = [(key, value.strip('"') if key.lower() == "etag" else value) for key, value in kept[1]]
        headers = [(key, value) for key, value in headers if key.lower() != "content-length" or name == "head file"]
        start_response(kept[0], headers)
        return [body]


class WithoutDate(WSGIRequestHandler):
    """Sends no Date, which the server would add."""

    def send_header(self, keyword: str, value: str) -> None:
        if keyword.lower() != "date":
            super().send_header(keyword, value)


def needs_header(header: str, value: str | None = None, names: set[str] | None = CREATING) -> Habit:
    """A policy: deny requests (those that create objects; None: all) without a header, or with another value."""
    key = "HTTP_" + header.upper().replace("-", "_")

    def habit(environ: dict[str, Any], name: str) -> tuple[int, str] | None:
        if (names is None or name in names) and (key not in environ or (value and environ[key] != value)):
            return 403, "AccessDenied"
        return None

    return habit


def refuses(name: str, status: int, code: str) -> Habit:
    """Refuse an operation."""
    return lambda _, asked: (status, code) if asked == name else None


def bulk_needs_md5(environ: dict[str, Any], name: str) -> tuple[int, str] | None:
    """Refuse DeleteObjects without the Content-MD5 that boto3 does not send."""
    return (400, "MissingContentMD5") if name == "delete objects" and "HTTP_CONTENT_MD5" not in environ else None


def no_conditions(status: int, code: str) -> Habit:
    """Refuse a PUT with a condition."""

    def habit(environ: dict[str, Any], name: str) -> tuple[int, str] | None:
        conditional = {"HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"} & environ.keys()
        return (status, code) if conditional and name.startswith("put") else None

    return habit


def ignores(*headers: str) -> Habit:
    """Accept a condition and ignore it."""

    def habit(environ: dict[str, Any], name: str) -> None:
        for header in headers if name.startswith("put") else ():
            environ.pop("HTTP_" + header.upper().replace("-", "_"), None)

    return habit


def refuses_checksums(environ: dict[str, Any], name: str) -> tuple[int, str] | None:
    """Refuse every header about checksums, and bodies that are framed to carry one at their end."""
    framed = "aws-chunked" in environ.get("HTTP_CONTENT_ENCODING", "")
    return (400, "InvalidArgument") if framed or any(CHECKSUMS.fullmatch(key) for key in environ) else None
