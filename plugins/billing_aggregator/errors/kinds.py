"""Classifies errors: a transient one may be gone at the next try, a terminal one will not. Only transient ones retry.

The one place that decides about retries: by SQLSTATE (psycopg 3 and psycopg2), by libpq's message where a failed
connection has no SQLSTATE, by S3's error code (see :mod:`billing_aggregator.errors.s3_codes`), and by type for
everything else. docs/errors.md lists them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from billing_aggregator.errors.s3_codes import is_transient

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["terminal", "transient"]
SQLSTATE_LENGTH = 5

# SQLSTATE classes and codes that may be gone at the next try; every other SQLSTATE is terminal.
TRANSIENT_SQLSTATES: dict[str, str] = {
    "08": "connection lost or refused",
    "25006": "the server is read-only: a standby, or a failover under way",
    "25P03": "idle in transaction for too long; the server ended the session",
    "40": "serialization failure, deadlock",
    "53": "out of connections, memory or disk",
    "55006": "object in use by another session",
    "55P03": "lock time-out",
    "57P": "server restart, crash, shutdown; session ended by an administrator",
    "58": "I/O or other error outside the server",
}
# libpq reports a failed connection as text only, in the language of the server's lc_messages. These are terminal;
# any other message is treated as an outage, also a pooler's "no more connections allowed".
TERMINAL_CONNECT_MESSAGES = (
    "authentication failed",
    "Authentifizierung",
    "no password supplied",
    "pg_hba.conf",
    "does not exist",
    "existiert nicht",
    "certificate verify failed",
    "does not support SSL",
    "is not permitted to log in",
    "permission denied for database",
    "invalid connection option",
    "invalid sslmode",
    "invalid integer value",
    "invalid port number",
    "could not get home directory",
    # Poolers.
    "unsupported startup parameter",
    "no such database",
    "no such user",
    "bouncer config error",
    "SSL required",
    "TLS required",
)
# botocore's errors without a response of S3, by class name: botocore is not imported for this.
TRANSIENT_BOTOCORE = frozenset(
    {
        "ConnectTimeoutError", "ConnectionClosedError", "ConnectionError", "CredentialRetrievalError",
        "EndpointConnectionError", "HTTPClientError", "IncompleteReadError", "ProxyConnectionError", "ReadTimeoutError",
        "ResponseStreamingError",
    }
)  # fmt: skip
# A bug or wrong input: a retry would fail in the same way.
TERMINAL_PYTHON = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, TypeError, ValueError)


class TerminalError(Exception):
    """A failure that a retry cannot fix: a failed check, a control total that does not match."""


class TransientError(Exception):
    """A failure that is worth a retry."""


def classify(error: BaseException) -> Kind:
    """Return whether *error* is terminal or transient.

    The first error in its chain (``__cause__``, else ``__context__``) that a rule matches decides: boto3 wraps S3's
    answer, scripts wrap the driver's error. An error without a rule is transient: every task may be repeated, so a
    needless retry costs minutes, a missing one a night.
    """
    for link in chain(error):
        kind = _own_kind(link)
        if kind is not None:
            return kind
    return "terminal" if isinstance(error, TERMINAL_PYTHON) else "transient"


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield *error* and its causes, outermost first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def sqlstate(error: BaseException) -> str | None:
    """Return the SQLSTATE of a driver's error (psycopg 3 ``sqlstate``, psycopg2 ``pgcode``); None where it has none."""
    for name in ("sqlstate", "pgcode"):
        state = getattr(error, name, None)
        if isinstance(state, str) and len(state) == SQLSTATE_LENGTH:
            return state
    return None


def _own_kind(error: BaseException) -> Kind | None:
    if isinstance(error, TerminalError):
        return "terminal"
    if isinstance(error, (TransientError, OSError)):
        # OSError: refused, reset and timed-out connections. A missing file stays missing.
        return "terminal" if isinstance(error, (FileNotFoundError, PermissionError)) else "transient"
    packages = {base.__module__.partition(".")[0] for base in type(error).__mro__}
    if packages & {"psycopg", "psycopg2"}:
        return _driver_kind(error)
    if packages & {"botocore", "boto3", "s3transfer"}:
        return _s3_kind(error)
    return None


def _driver_kind(error: BaseException) -> Kind | None:
    state = sqlstate(error)
    if state is not None:
        return "transient" if state.startswith(tuple(TRANSIENT_SQLSTATES)) else "terminal"
    if _is_a(error, "OperationalError", "InterfaceError"):
        message = str(error)
        return "terminal" if any(part in message for part in TERMINAL_CONNECT_MESSAGES) else "transient"
    if _is_a(error, "DatabaseError") and "server closed the connection" in str(error):
        return "transient"  # psycopg2, when the server ends the session between two results
    return "terminal" if _is_a(error, "Error") else None


def _s3_kind(error: BaseException) -> Kind | None:
    response: Any = getattr(error, "response", None)
    if isinstance(response, dict) and "Error" in response:
        code = str(response["Error"].get("Code", ""))
        status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        return "transient" if is_transient(code, status) else "terminal"
    if _is_a(error, *TRANSIENT_BOTOCORE):
        return "transient"
    # boto3's S3UploadFailedError and the like wrap the error that decides.
    return "terminal" if _is_a(error, "BotoCoreError") else None


def _is_a(error: BaseException, *names: str) -> bool:
    return any(base.__name__ in names for base in type(error).__mro__)
