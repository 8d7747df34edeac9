"""Asks Airflow's secrets backends without losing failures, which some of them hide."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk import Connection

# Airflow's modules that parse a connection's value: their errors mean that the value is wrong.
PARSERS = frozenset(
    {"airflow.sdk.definitions.connection", "airflow.models.connection", "airflow.secrets.local_filesystem",
     "airflow.sdk._shared.secrets_backend.base", "airflow._shared.secrets_backend.base"}
)  # fmt: skip
# Their functions that fetch the value: an error that comes only from these is the backend's own.
FETCHERS = frozenset({"get_connection", "call_secrets_backend_method"})
NOT_THERE = frozenset({"ResourceNotFoundException", "ParameterNotFound"})
FORBIDDEN_STATUS = (401, 403)


class NoAnswerError(Exception):
    """A backend did not answer whether it has the connection.

    :param lasting: a retry would get the same answer.
    """

    def __init__(self, message: str, *, lasting: bool) -> None:
        super().__init__(message)
        self.lasting = lasting


def configured_backends() -> list[Any]:
    """Return the backends of this process in the order in which Airflow asks them.

    :raises Exception: a backend's class or arguments are wrong; Airflow itself would continue with other arguments.
    """
    from airflow.sdk.configuration import conf
    from airflow.sdk.execution_time.supervisor import ensure_secrets_backend_loaded

    for section, key in (("workers", "secrets_backend"), ("secrets", "backend")):
        if not conf.get(section, key, fallback=""):
            continue
        given = conf.getjson(section=section, key=f"{key}_kwargs", fallback={})
        if given and not isinstance(given, dict):
            raise ValueError(f"[{section}] {key}_kwargs is not a JSON object")
    backends: list[Any] = ensure_secrets_backend_loaded()
    return backends


def ask(backend: Any, conn_id: str) -> Connection | None:
    """Return the connection from *backend*; None only when it answered that it has none.

    :raises NoAnswerError: it hid a failure. Its other errors pass unchanged.
    """
    from airflow.sdk.execution_time.secrets.execution_api import ExecutionAPISecretsBackend

    if isinstance(backend, ExecutionAPISecretsBackend):
        return _ask_api_server(conn_id)
    with _answers_of_aws(backend) as failures:
        found: Connection | None = backend.get_connection(conn_id=conn_id)
    if found is None and failures:
        code, status, message = failures[-1]
        raise NoAnswerError(f"{code}: {message}", lasting=status < 500 and code != "InternalServiceError")  # noqa: PLR2004
    return found


def is_parsers_error(error: BaseException) -> bool:
    """Return whether *error* comes from parsing a connection's value; a missing file does not."""
    place = None if isinstance(error, OSError) else error.__traceback__
    while place is not None:
        frame = place.tb_frame
        if frame.f_globals.get("__name__") in PARSERS and frame.f_code.co_name not in FETCHERS:
            return True
        place = place.tb_next
    return False


def _ask_api_server(conn_id: str) -> Connection | None:
    """Ask Airflow's API server as a task does; Airflow's own backend reports every failure as "not found"."""
    from airflow.sdk.exceptions import AirflowRuntimeError
    from airflow.sdk.execution_time.comms import ErrorResponse, GetConnection
    from airflow.sdk.execution_time.context import _process_connection_result_conn
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    try:
        answer = SUPERVISOR_COMMS.send(GetConnection(conn_id=conn_id))
    except AirflowRuntimeError as error:
        answer = error.error
    if not isinstance(answer, ErrorResponse):
        return None if answer is None else _process_connection_result_conn(answer)
    kind = answer.error.value
    if kind == "CONNECTION_NOT_FOUND":
        return None
    status = (answer.detail or {}).get("status_code")
    denied = kind == "PERMISSION_DENIED" or status in FORBIDDEN_STATUS
    raise NoAnswerError(f"the API server answers {kind}{f', HTTP {status}' if status else ''}", lasting=denied)


@contextmanager
def _answers_of_aws(backend: Any) -> Iterator[list[tuple[str, int, str]]]:
    """Collect AWS errors as (code, HTTP status, message): Airflow's AWS backends swallow most of them."""
    failures: list[tuple[str, int, str]] = []
    if not type(backend).__module__.startswith("airflow.providers.amazon."):
        yield failures
        return

    def note(parsed: Any = None, **_: Any) -> None:
        error = parsed.get("Error") if isinstance(parsed, dict) else None
        if error and error.get("Code") not in NOT_THERE:
            status = int(parsed.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            failures.append((str(error.get("Code")), status, str(error.get("Message", ""))))

    events = backend.client.meta.events
    events.register("after-call", note)
    try:
        yield failures
    finally:
        events.unregister("after-call", note)
