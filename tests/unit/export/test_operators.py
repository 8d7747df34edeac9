"""The operators refuse wrong arguments when the DAG is built, and mark errors that should not be retried."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from airflow.sdk.exceptions import AirflowFailException

from billing_aggregator.export.errors import ExportSourceChangedError, PublicationInProgressError
from billing_aggregator.export.store.s3_store import S3Store
from billing_aggregator.operators.abort_exports import AbortExportsOperator
from billing_aggregator.operators.export_chunks import ExportChunksOperator
from billing_aggregator.operators.export_plan import ExportPlanOperator
from billing_aggregator.operators.links import prefix_url
from billing_aggregator.operators.publish_exports import PublishExportsOperator, export_asset
from billing_aggregator.operators.sweep_exports import SweepExportsOperator
from billing_aggregator.operators.task_errors import task_errors

PLACE: dict[str, Any] = {"target": "s3://bucket", "client": "enercity", "environment": "prod"}
PLAN: dict[str, Any] = {"task_id": "plan", "export_name": "orders", "table": "public.orders", **PLACE}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param({"query": "select 1"}, "a table or a query", id="table and query"),
        pytest.param({"table": None}, "a table or a query", id="neither"),
        pytest.param({"table": "orders"}, "schema.name", id="table without schema"),
        pytest.param({"export_name": "a b"}, "export name", id="export name"),
        pytest.param({"target": "bucket"}, "target", id="target"),
        pytest.param({"options": {"kms_key_id": "k"}}, "encryption='sse-kms'", id="contradiction"),
        pytest.param({"options": {"nonsense": 1}}, "nonsense", id="unknown option"),
        pytest.param({"max_rows_per_file": 0}, "max_rows_per_file", id="no rows"),
        pytest.param({"chunks_per_task": 0}, "chunks_per_task", id="no chunks"),
        pytest.param({"statement_timeout": -1}, "statement_timeout", id="time-out"),
    ],
)
def test_a_plan_that_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ExportPlanOperator(**PLAN | changes)


def test_other_operators_that_are_refused() -> None:
    with pytest.raises(ValueError, match="lock_ttl"):
        PublishExportsOperator(task_id="publish", plan_tasks=[], states=[], lock_ttl=0)
    with pytest.raises(ValueError, match="older_than_hours"):
        SweepExportsOperator(task_id="sweep", older_than_hours=0, **PLACE)


def test_templates_are_checked_at_run_time_only() -> None:
    task = ExportPlanOperator(**PLAN | {"target": "s3://{{ params.bucket }}", "max_rows_per_file": "{{ params.rows }}"})
    context: Any = {"params": {"bucket": "b", "rows": 7}, "run_id": "r", "dag_run": _DagRun()}
    task.render_template_fields(context)
    assert (task.target, task.max_rows_per_file, task.business_date, task.run_id) == ("s3://b", "7", "2026-01-31", "r")
    assert task._options().max_rows_per_file == 7


class _DagRun:
    logical_date = None

    class run_after:
        @staticmethod
        def strftime(_: str) -> str:
            return "2026-01-31"


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (ExportSourceChangedError("x"), AirflowFailException),
        (PublicationInProgressError("x"), PublicationInProgressError),
    ],
)
def test_terminal_errors_fail_the_task(error: Exception, raised: type[Exception]) -> None:
    with pytest.raises(raised, match="x"), task_errors():
        raise error


def test_connections_can_be_overridden() -> None:
    class Own(ExportPlanOperator):
        def get_db_connection(self) -> Any:
            return connection

        def get_s3_client(self) -> Any:
            return client

    class Connection:
        closed = False
        cancelled = False

        def cancel(self) -> None:
            self.cancelled = True

        def close(self) -> None:
            self.closed = True

    connection, client = Connection(), boto3.client("s3", region_name="eu-central-1")
    task = Own(**PLAN)
    store = task.get_store("s3://bucket")
    assert isinstance(store, S3Store)
    assert store._s3 is client
    with task.database() as found:
        opened: Any = found
        assert opened is connection
    assert (connection.cancelled, connection.closed) == (False, True)
    connection.closed = False
    with pytest.raises(ZeroDivisionError), task.database():
        1 / 0  # noqa: B018
    assert (connection.cancelled, connection.closed) == (True, True)


def test_every_argument_of_a_template_field_exists() -> None:
    tasks = [
        ExportPlanOperator(**PLAN),
        ExportChunksOperator(task_id="chunk", plan={}, unit={}),
        PublishExportsOperator(task_id="publish", plan_tasks=[], states=[]),
        AbortExportsOperator(task_id="abort", plan_tasks=[]),
        SweepExportsOperator(task_id="sweep", **PLACE),
    ]
    for task in tasks:
        for field in task.template_fields:
            assert hasattr(task, field), f"{task.task_id}.{field}"
            documented = [kind.__doc__ or "" for kind in type(task).__mro__]
            assert any(f":param {field}:" in text for text in documented), f"{task.task_id}.{field}"


def test_link_and_asset() -> None:
    assert prefix_url("s3://bucket", "enercity/prod/").endswith("/s3/buckets/bucket?prefix=enercity/prod/")
    assert prefix_url("file:///data", "enercity/prod/") == "file:///data/enercity/prod/"
    assert prefix_url("", "") == ""
    asset = export_asset(export_name="customer/oibl", **PLACE)
    assert asset.name == asset.uri == "s3://bucket/enercity/prod/customer/oibl"
    task = PublishExportsOperator(task_id="publish", plan_tasks=[], states=[], assets={"customer/oibl": asset})
    assert task.outlets == [asset]


def test_the_plugin_registers_the_link() -> None:
    import billing_aggregator_plugin

    links = billing_aggregator_plugin.BillingAggregatorPlugin.operator_extra_links
    assert [link.name for link in links] == ["S3 prefix"]
