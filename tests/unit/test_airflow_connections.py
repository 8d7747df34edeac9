"""A malformed connection is named and not quoted; in a task, an API server that fails hides no connection."""

from __future__ import annotations

from typing import Any

import pytest

from billing_aggregator.config.airflow_connections import (
    AWS_TYPES,
    ConnectionOutageError,
    MalformedConnectionError,
    find_connection,
)
from billing_aggregator.errors.kinds import classify
from tests.unit.connection_lookup import NAME, SECRET, VARIABLE, warehouse


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ('{"conn_type": "postgres", "password": "' + SECRET, "JSON cannot be parsed at line 1, column"),
        ('{"conn_type": "postgres", "password": "' + SECRET + '", "hots": "db"}', "a key that connections do not have"),
        ('{"conn_type": "postgres", "host": "db", "port": "' + SECRET + '"}', "its port is not a number"),
        ('{"conn_type": "postgres", "host": "db", "port": 99999}', "its port is not a number"),
        (f"postgres://u:{SECRET}@db:5432/octopus", "its port is not a number"),
        (f"postgres://u:{SECRET}@db:://x://y", "cannot be parsed"),
        ("postgres://u@[::1/x", "cannot be parsed"),
        (" ", "cannot be parsed"),
        (SECRET, "it is not of any type"),
        ('{"conn_type": "mysql", "host": "db"}', "it is of type mysql, and type postgres is needed"),
        ('{"conn_type": "postgres", "host": "db", "extra": "{not json"}', "its extra is not JSON"),
        ('{"conn_type": "postgres", "host": "db", "extra": [1]}', "its extra is not a JSON object"),
        ('{"conn_type": "postgres"}', "it has no host"),
        ('{"conn_type": "postgres", "host": " db"}', "blanks around its host"),
    ],
)
def test_a_malformed_connection_is_named_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch, value: str, reason: str
) -> None:
    monkeypatch.setenv(VARIABLE, value)
    monkeypatch.setenv("BDA_DB_HOST", "other.example.org")
    with pytest.raises(MalformedConnectionError, match=f"^connection {NAME} cannot be read: .*{reason}") as caught:
        warehouse()
    assert "Geheim" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_database_connection_is_refused_for_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", "postgres://u@db")
    with pytest.raises(MalformedConnectionError, match="it is of type postgres, and type aws is needed"):
        find_connection("aws_default", *AWS_TYPES)


class Supervisor:
    """Replaces the process between a task and the API server, which needs a whole Airflow."""

    def __init__(self, answer: Any, raises: bool) -> None:
        self.answer, self.raises = answer, raises

    def send(self, message: Any) -> Any:
        from airflow.sdk.exceptions import AirflowRuntimeError

        if self.raises:
            raise AirflowRuntimeError(error=self.answer)
        return self.answer


@pytest.mark.parametrize("raises", [True, False], ids=["raised", "returned"])
@pytest.mark.parametrize(
    ("kind", "detail", "expected"),
    [
        ("CONNECTION_NOT_FOUND", None, None),
        ("API_SERVER_ERROR", {"status_code": 500}, "transient"),
        ("API_SERVER_ERROR", {"status_code": 403}, "terminal"),
        ("GENERIC_ERROR", None, "transient"),
        ("PERMISSION_DENIED", {"status_code": 403}, "terminal"),
    ],
)
def test_in_a_task_a_failing_api_server_is_not_an_absent_connection(
    monkeypatch: pytest.MonkeyPatch, kind: str, detail: Any, expected: str | None, raises: bool
) -> None:
    from airflow.sdk.exceptions import ErrorType
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.comms import ErrorResponse

    if kind not in ErrorType.__members__:
        kind = "API_SERVER_ERROR"  # Airflow 3.2 has one code for both
    answer = ErrorResponse(error=ErrorType[kind], detail=detail)
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", Supervisor(answer, raises), raising=False)
    monkeypatch.setenv("BDA_DB_HOST", "other.example.org")
    if expected is None:
        assert warehouse().host == "other.example.org"
        return
    with pytest.raises(Exception, match=f"^connection {NAME} cannot be read: ") as caught:
        warehouse()
    assert classify(caught.value) == expected


def test_in_a_task_a_supervisor_that_is_gone_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.execution_time import task_runner

    class Gone:
        def send(self, message: Any) -> Any:
            raise EOFError("Request socket closed before length")

    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", Gone(), raising=False)
    with pytest.raises(ConnectionOutageError):
        find_connection(NAME)
