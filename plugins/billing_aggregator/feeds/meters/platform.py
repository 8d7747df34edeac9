"""A client of Cloud Foundry's API, version 3: a token by client credentials, pages, retries by class.

Sources: Cloud Foundry's documentation of the API (pagination, includes, fields), RFC 6749 (client credentials).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import requests
import structlog

from billing_aggregator.errors.kinds import TerminalError, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from billing_aggregator.feeds.meters.connection import PlatformHook

log = structlog.get_logger(__name__)

#: Seconds until a connection, and between two pieces of an answer.
TIMEOUT = (10.0, 60.0)
#: A token is renewed so many seconds before its end.
RENEW_SECONDS = 60
TRIES = 4
PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
UNAUTHORIZED = 401


class PlatformRefusedError(TerminalError):
    """The platform refuses a request, or answers what its API does not: a retry would get the same."""


class PlatformOutageError(TransientError):
    """The platform does not answer, or says that it cannot now."""


@dataclass
class _Token:
    text: str = ""
    ends: float = 0.0


class Platform:
    """Asks one platform; not to be shared by threads.

    :param hook: Airflow's hook: address, proxies, certificates.
    :param sleep: waits so many seconds.
    :param stopped: whether the task was told to stop.
    """

    def __init__(
        self, hook: PlatformHook, sleep: Callable[[float], None] = time.sleep, stopped: Callable[[], bool] | None = None
    ) -> None:
        self._session: requests.Session = hook.get_conn()
        self._base = hook.base_url.rstrip("/") + "/"
        self._client = hook.client
        self._sleep = sleep
        self._stopped = stopped or (lambda: False)
        self._token = _Token()
        self._token_url = ""

    def pages(self, path: str, parameters: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Yield each page of a list: ``resources``, and ``included`` where it was asked for.

        :raises PlatformRefusedError: the platform refuses, or ``pagination.next`` leads to another host or back.
        :raises PlatformOutageError: it does not answer after four tries.
        """
        url = urljoin(self._base, path.lstrip("/"))
        query: Mapping[str, str] | None = parameters
        seen = set()
        while url:
            page = self.get(url, query)
            if not isinstance(page.get("resources"), list):
                raise PlatformRefusedError(f"{path}: the answer has no list of resources")
            yield page
            following = (page.get("pagination") or {}).get("next")
            url = urljoin(url, following["href"]) if isinstance(following, dict) and following.get("href") else ""
            query = None
            if url and _origin(url) != _origin(self._base):
                raise PlatformRefusedError(f"{path}: pagination.next leads to {urlsplit(url).hostname}; not followed")
            if url in seen:
                raise PlatformRefusedError(f"{path}: pagination.next leads to a page that was read already")
            seen.add(url)

    def get(self, url: str, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the JSON object at *url*, a path or an address of the API's own host; see :meth:`pages`."""
        url = urljoin(self._base, url)
        for renewed in (False, True):
            headers = {"Authorization": f"Bearer {self._bearer()}"}
            answer = self._send("GET", url, params=parameters, headers=headers)
            if answer.status_code != UNAUTHORIZED or renewed:
                break
            # Revoked, or the server's clock is ahead.
            self._token = _Token()
        return _json_object(answer)

    def _bearer(self) -> str:
        if time.monotonic() < self._token.ends:
            return self._token.text
        url = self._token_url or self._find_token_url()
        answer = self._send("POST", url, data={"grant_type": "client_credentials"}, auth=self._client)
        content = _json_object(answer)
        text, seconds = content.get("access_token"), content.get("expires_in", 0)
        if not isinstance(text, str) or not text or not isinstance(seconds, int | float):
            raise PlatformRefusedError(f"{_place(url)}: the answer has no token")
        # A token that lives shorter than the margin is used for half of its life.
        self._token = _Token(text, time.monotonic() + max(seconds - RENEW_SECONDS, seconds / 2))
        return text

    def _find_token_url(self) -> str:
        """Return the address of the token's server: the API's root names it."""
        links = _json_object(self._send("GET", self._base)).get("links") or {}
        known = [links[name] for name in ("uaa", "login") if isinstance(links.get(name), dict)]
        found: dict[str, Any] = known[0] if known else {}
        server = str(found.get("href") or self._base)
        if urlsplit(self._base).scheme == "https" and urlsplit(server).scheme != "https":
            raise PlatformRefusedError(f"{_place(server)}: the token's server has no https; the secret is not sent")
        self._token_url = server.rstrip("/") + "/oauth/token"
        return self._token_url

    def _send(self, method: str, url: str, **request: Any) -> requests.Response:
        """Return the answer, after up to four tries; a redirect is not followed: it could take the token elsewhere."""
        problem = ""
        for tried in range(1, TRIES + 1):
            if self._stopped():
                raise PlatformOutageError(f"{_place(url)}: the task was told to stop")
            pause = PAUSE_SECONDS * 2.0**tried
            try:
                answer = self._session.request(method, url, timeout=TIMEOUT, allow_redirects=False, **request)
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
                if isinstance(error, requests.exceptions.SSLError):
                    raise PlatformRefusedError(f"{_place(url)}: no TLS: {type(error).__name__}") from None
                problem = type(error).__name__
            except requests.RequestException as error:
                raise PlatformRefusedError(f"{_place(url)}: {type(error).__name__}") from None
            else:
                if answer.status_code not in TRANSIENT_STATUSES:
                    return answer
                problem = f"status {answer.status_code}"
                after = answer.headers.get("Retry-After", "")
                pause = float(after) if after.isascii() and after.isdigit() else pause
            if tried < TRIES:
                log.warning("platform is asked again", url=_place(url), reason=problem, tried=tried)
                self._sleep(min(pause, LONGEST_PAUSE_SECONDS))
        raise PlatformOutageError(f"{_place(url)}: {problem}, {TRIES} times")


def _json_object(answer: requests.Response) -> dict[str, Any]:
    """Return what a successful answer says; a message never has the answer's text or the request's headers."""
    place = _place(answer.url or "")
    if answer.status_code != requests.codes.ok:
        raise PlatformRefusedError(f"{place}: status {answer.status_code}{_errors(answer)}")
    try:
        content = answer.json()
    except ValueError:
        raise PlatformOutageError(f"{place}: the answer is no JSON") from None
    if not isinstance(content, dict):
        raise PlatformRefusedError(f"{place}: the answer is no JSON object")
    return content


def _errors(answer: requests.Response) -> str:
    """Return the titles of the API's errors, such as CF-NotAuthorized."""
    try:
        titles = [str(error["title"]) for error in answer.json()["errors"]]
    except (ValueError, LookupError, TypeError):
        return ""
    return f" ({', '.join(titles)[:200]})"


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _place(url: str) -> str:
    """Return host and path of *url*: a query may be long."""
    parts = urlsplit(url)
    return f"{parts.hostname}{parts.path}"
