"""The issuer's public keys: cached, fetched again when they are old or a token names an unknown one."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import httpx
import structlog
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from services.ledger_api.problems import unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

FRESH_SECONDS = 600.0
#: Tokens with invented key ids make us ask the issuer no more often than this.
PAUSE_SECONDS = 5.0
#: While the issuer does not answer, its keys hold this long.
STALE_SECONDS = 86_400.0
#: Which algorithm a kind of key may be used for. A token's own header decides nothing.
ALGORITHMS = {"RSA": "RS256", "EC": "ES256"}

log = structlog.get_logger(__name__)


class IssuerKeys:
    """Keys by their id.

    :param issuer: whose discovery document names the keys' address, unless *url* does.
    """

    def __init__(self, issuer: str, url: str | None = None, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._issuer, self._url, self._pause = issuer.rstrip("/"), url, pause_seconds
        self._keys: Mapping[str, PyJWK] = {}
        self._fetched = self._asked = float("-inf")
        self._lock = asyncio.Lock()

    async def key(self, key_id: str) -> PyJWK | None:
        """Return the key, or None where the issuer has none of this id.

        :raises ProblemError: no keys could be fetched yet, or for a day.
        """
        if key_id not in self._keys or self._age() > FRESH_SECONDS:
            async with self._lock:
                if key_id not in self._keys or self._age() > FRESH_SECONDS:
                    await self._refresh()
        if self._age() > STALE_SECONDS:
            raise unavailable("the issuer of tokens does not answer")
        return self._keys.get(key_id)

    def _age(self) -> float:
        return time.monotonic() - self._fetched

    async def _refresh(self) -> None:
        now = time.monotonic()
        if now - self._asked < self._pause:
            return
        self._asked = now
        try:
            self._keys, self._fetched = usable(await self._fetch()), time.monotonic()
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("issuer_keys_not_fetched", issuer=self._issuer, error=type(error).__name__)

    async def _fetch(self) -> Any:
        async with httpx.AsyncClient(timeout=5) as client:
            if self._url is None:
                answer = await client.get(f"{self._issuer}/.well-known/openid-configuration")
                self._url = str(answer.raise_for_status().json()["jwks_uri"])
            return (await client.get(self._url)).raise_for_status().json()


def usable(document: Any) -> dict[str, PyJWK]:
    """Return the keys for signatures that can be used; others are left out."""
    found = {}
    for entry in document["keys"]:
        algorithm = ALGORITHMS.get(entry.get("kty", ""))
        if entry.get("use", "sig") != "sig" or "kid" not in entry or entry.get("alg", algorithm) != algorithm:
            continue
        try:
            found[str(entry["kid"])] = PyJWK(entry, algorithm)
        except PyJWTError as error:
            log.warning("issuer_key_unusable", kid=str(entry["kid"]), error=type(error).__name__)
    return found
