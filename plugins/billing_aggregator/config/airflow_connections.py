"""Looks up an Airflow connection and keeps three answers apart: found, absent, unreadable.

Airflow's own lookup treats a secrets backend that fails like one that has no such connection: it logs the failure and
continues. A run would then use the machine's own credentials or ``BDA_DB_HOST`` because Secrets Manager was throttled
for a second. So every configured backend is asked here, in Airflow's order, and the first one that cannot answer ends
the lookup.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from billing_aggregator.config.secrets_backends import NoAnswerError, ask, configured_backends, is_parsers_error
from billing_aggregator.errors.kinds import TERMINAL_PYTHON, TerminalError, TransientError, classify
from billing_aggregator.errors.text import first_line

if TYPE_CHECKING:
    from airflow.sdk import Connection

# The types that a connection of each kind may have; a connection without a type may be anything.
DATABASE_TYPES = ("postgres", "postgresql")
AWS_TYPES = ("aws",)
MAIL_TYPES = ("smtp", "email")
SLACK_TYPES = ("slackwebhook", "slack", "http", "https")
HIGHEST_PORT = 65_535


class UnreadableConnectionError(Exception):
    """The connection may exist but cannot be read; it must never be treated as absent.

    The message is one line, ``connection X cannot be read: reason``, without any part of the connection's value.
    """


class ConnectionOutageError(UnreadableConnectionError, TransientError):
    """A secrets backend or the API server does not answer now."""


class MalformedConnectionError(UnreadableConnectionError, TerminalError):
    """The stored value is not a connection of the expected kind, or reading it is forbidden."""


def find_connection(conn_id: str, *types: str) -> Connection | None:
    """Return an Airflow connection from the first secrets backend that has it; None when none has.

    :param types: connection types that can be used for the purpose, e.g. ``postgres``; none given: any.
    :raises ConnectionOutageError: a backend failed; a retry may help.
    :raises MalformedConnectionError: the value cannot be parsed, is of another type, or may not be read.
    """
    try:
        backends = configured_backends()
    except Exception as error:  # whatever a wrong class name or wrong arguments of a backend raise
        raise MalformedConnectionError(
            f"connection {conn_id} cannot be read: the secrets backend cannot be loaded: {first_line(error)}; "
            "see [secrets] backend and backend_kwargs of Airflow's configuration"
        ) from None
    for backend in backends:
        found = _ask(backend, conn_id)
        if found is not None:
            _mask(found)
            _check(found, conn_id, types, type(backend).__name__)
            return found
    return None


def malformed(conn_id: str, reason: str, where: str = "") -> MalformedConnectionError:
    """Return the error for a connection whose value is wrong; *reason* must not quote it."""
    found_in = f" (found by {where})" if where else ""
    return MalformedConnectionError(
        f"connection {conn_id} cannot be read: {reason}{found_in}; store it again, as JSON or as a URI whose parts are "
        "percent-encoded, or delete it"
    )


def _ask(backend: Any, conn_id: str) -> Connection | None:
    where = type(backend).__name__
    try:
        found: Connection | None = ask(backend, conn_id)
    except NotImplementedError:
        return None  # this backend keeps variables only
    except NoAnswerError as error:
        raise _unreadable(conn_id, where, str(error), terminal=error.lasting) from None
    except Exception as error:
        if _says_not_found(error):
            return None
        # Such errors quote what could not be parsed: a part of the password.
        if is_parsers_error(error) or type(error) is json.JSONDecodeError:
            raise malformed(conn_id, _parsers_reason(error), where) from None
        reason = type(error).__name__ if isinstance(error, TERMINAL_PYTHON) else first_line(error)
        raise _unreadable(conn_id, where, reason, terminal=classify(error) == "terminal") from None
    return found


def _unreadable(conn_id: str, where: str, reason: str, *, terminal: bool) -> UnreadableConnectionError:
    text = f"connection {conn_id} cannot be read: {where}: {reason}"
    if terminal:
        return MalformedConnectionError(f"{text}; fix the secrets backend or the rights to read from it")
    return ConnectionOutageError(f"{text}; nothing else is used in its place")


def _says_not_found(error: Exception) -> bool:
    from airflow.sdk.exceptions import AirflowNotFoundException

    return isinstance(error, AirflowNotFoundException)


def _parsers_reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"its JSON cannot be parsed at line {error.lineno}, column {error.colno}"
    if isinstance(error, TypeError) and "unexpected keyword argument" in str(error):
        return "its JSON has a key that connections do not have; they have conn_type, host, port, schema, login, extra"
    if "port" in str(error).lower():
        return "its port is not a number (in a URI, also when a / or # of the password is not percent-encoded)"
    return f"its value cannot be parsed ({type(error).__name__})"


def _mask(connection: Connection) -> None:
    from airflow.sdk.log import mask_secret

    for secret in (connection.password, connection.extra):
        if secret:
            mask_secret(secret)


def _check(connection: Connection, conn_id: str, types: tuple[str, ...], where: str) -> None:
    """Refuse what no hook can use; Airflow itself treats an unreadable ``extra`` as an empty one."""
    kind = connection.conn_type
    if types and kind is not None and kind not in types:
        called = f"of type {kind}" if kind else "not of any type"
        raise malformed(conn_id, f"it is {called}, and type {types[0]} is needed", where)
    if connection.extra:
        try:
            extra = json.loads(connection.extra)
        except ValueError:
            raise malformed(conn_id, "its extra is not JSON", where) from None
        if not isinstance(extra, dict):
            raise malformed(conn_id, "its extra is not a JSON object", where)
    port = connection.port
    if port is not None and not (isinstance(port, int) and 0 <= port <= HIGHEST_PORT):
        raise malformed(conn_id, f"its port is not a number up to {HIGHEST_PORT}", where)
