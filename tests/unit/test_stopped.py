"""A failed task reports its own error; only a task that Airflow stops counts as stopped."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.exceptions import AirflowTaskTimeout
from botocore.exceptions import ClientError

from billing_aggregator.alerts.callbacks import was_stopped
from billing_aggregator.config import ClientConfig
from billing_aggregator.operators.client_exports import ClientChunksOperator
from billing_aggregator.operators.sql_script import SqlScriptOperator

CONFIG = ClientConfig(client="enercity", environment="local", s3_bucket="bucket")
ANSWER: Any = {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
REFUSED = ClientError(ANSWER, "UploadPart")


class Connection:
    """A connection that counts how often its statement was cancelled."""

    def __init__(self) -> None:
        self.cancelled = 0
        self.closed = False

    def cancel(self) -> None:
        self.cancelled += 1

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def chunk(monkeypatch: pytest.MonkeyPatch) -> Any:
    operator = ClientChunksOperator(task_id="chunk", client_config=CONFIG, plan={}, unit={})
    connection = Connection()
    monkeypatch.setattr(operator, "get_db_connection", lambda: connection)
    return operator


@pytest.mark.parametrize("error", [REFUSED, ValueError("x"), KeyboardInterrupt(), OSError("reset")], ids=repr)
def test_an_error_in_the_middle_of_an_export_is_a_failure(chunk: Any, error: BaseException) -> None:
    with pytest.raises(type(error)), chunk.database() as connection:
        raise error
    assert connection.cancelled == 1, "the server goes on with nothing"
    assert not was_stopped({"task": chunk, "exception": error})


def test_a_task_that_airflow_stops_counts_as_stopped(chunk: Any) -> None:
    with chunk.database() as connection:
        chunk.on_kill()
    assert connection.cancelled == 1
    assert was_stopped({"task": chunk, "exception": ValueError("cancelled")})


def test_a_time_out_is_a_failure_also_without_an_exception_in_the_context(monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow 3.2 passes none to callbacks; it calls on_kill first."""
    monkeypatch.setattr(ExecutorSafeguard, "test_mode", True)

    class Slow(SqlScriptOperator):
        def bind_log(self, context: Any) -> None: ...

        def acquire_lock(self, context: Any) -> bool:
            return True

        def work(self, context: Any) -> dict[str, Any]:
            raise AirflowTaskTimeout("after 60 s")

    kept: dict[str, Any] = {}
    task = Slow(task_id="slow", client_config=CONFIG, sql="a.sql")
    with pytest.raises(AirflowTaskTimeout):
        task.execute(cast("Any", {"ti": SimpleNamespace(xcom_push=lambda key, value: kept.update({key: value}))}))
    task.on_kill()
    assert not was_stopped({"task": task})
    assert "after 60 s" in kept["error"]


def test_the_inner_of_two_sessions_is_cancelled_then_the_outer_one(chunk: Any) -> None:
    outer, inner = Connection(), Connection()
    with chunk.session(outer):
        with chunk.session(inner):
            chunk.on_kill()
        assert (outer.cancelled, inner.cancelled) == (0, 1)
        chunk.on_kill()
    assert (outer.cancelled, inner.cancelled) == (1, 1)
