"""Who may do what: bearer tokens of one OIDC issuer, checked for both roads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import jwt

from services.ledger_api.keys import IssuerKeys
from services.ledger_api.problems import ProblemError

if TYPE_CHECKING:
    from services.ledger_api.settings import ServiceSettings

READ, WRITE, USAGE = "ledger.read", "ledger.write", "usage.admin"
SCOPES = (READ, WRITE, USAGE)
LEEWAY_SECONDS = 10
MAX_TOKEN_CHARACTERS = 16_384


@dataclass(frozen=True)
class Caller:
    """Who asks, and what for."""

    subject: str
    scopes: frozenset[str]


ANYBODY = Caller("loopback", frozenset(SCOPES))


class Access:
    """Checks callers. Without an issuer everybody may do everything: the service is on loopback then.

    :param keys: of the issuer.
    """

    def __init__(self, settings: ServiceSettings, keys: IssuerKeys | None = None) -> None:
        self._issuer, self._audience = settings.oidc_issuer, settings.oidc_audience
        self._keys = keys
        if keys is None and self._issuer:
            self._keys = IssuerKeys(self._issuer, settings.oidc_jwks_url)

    @property
    def needs_token(self) -> bool:
        """Whether callers have to say who they are."""
        return self._keys is not None

    async def check(self, authorization: str | None, scope: str) -> Caller:
        """Return the caller of the header *authorization*, who has *scope*.

        :raises ProblemError: 401 without a valid token, 403 without the scope.
        """
        if self._keys is None:
            return ANYBODY
        kind, _, token = (authorization or "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            raise _unauthorized("a bearer token is needed")
        caller = await self._caller(token.strip())
        if scope not in caller.scopes:
            raise ProblemError(
                "forbidden", 403, "The token's scope does not suffice", f"the token lacks the scope {scope}",
                headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
            )  # fmt: skip
        return caller

    async def _caller(self, token: str) -> Caller:
        assert self._keys is not None  # noqa: S101 - for mypy
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise _unauthorized("the token is too long")
        try:
            key = await self._keys.key(str(jwt.get_unverified_header(token).get("kid", "")))
            if key is None:
                raise _unauthorized("the token is signed by a key that its issuer does not have")
            claims = jwt.decode(
                token,
                key=key.key,
                algorithms=[key.algorithm_name],
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.ExpiredSignatureError:
            raise _unauthorized("the token has expired") from None
        except jwt.InvalidIssuerError:
            raise _unauthorized("the token is of another issuer") from None
        except jwt.InvalidAudienceError:
            raise _unauthorized("the token is for another audience") from None
        except (jwt.PyJWTError, ValueError):
            raise _unauthorized("the token is not valid") from None
        return Caller(str(claims.get("sub", "")), _scopes(claims.get("scope", claims.get("scp", ""))))


def _scopes(claim: object) -> frozenset[str]:
    """Return the scopes of a claim: a text with blanks, or a list."""
    parts = claim.split() if isinstance(claim, str) else claim if isinstance(claim, list) else []
    return frozenset(str(part) for part in parts)


def _unauthorized(detail: str) -> ProblemError:
    return ProblemError(
        "unauthorized", 401, "Not authenticated", detail,
        headers={"WWW-Authenticate": f'Bearer error="invalid_token", error_description="{detail}"'},
    )  # fmt: skip
