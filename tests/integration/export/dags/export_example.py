"""Two exports, published in one commit: the wiring that docs/export.md shows."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

from airflow.sdk import DAG, Param

from billing_aggregator.operators.abort_exports import AbortExportsOperator
from billing_aggregator.operators.export_chunks import ExportChunksOperator
from billing_aggregator.operators.export_plan import ExportPlanOperator
from billing_aggregator.operators.publish_exports import PublishExportsOperator, export_asset

TARGET = os.environ["EXPORT_EXAMPLE_TARGET"]
EXPORTS: dict[str, dict[str, Any]] = {
    "orders": {"table": "public.orders"},
    "customer/big_orders": {"query": "select id, amount from orders where amount > 10 order by id"},
    "empty": {"query": "select id from orders where false", "options": {"empty": "skip"}},
}
PLACE: dict[str, Any] = {"target": TARGET, "client": "enercity", "environment": "prod"}

with DAG(
    dag_id="export_example",
    schedule=None,
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow takes it for UTC
    params={"dry_run": Param(False, type="boolean"), "fail": Param(False, type="boolean")},
    default_args={"trigger_rule": "none_failed"},
    render_template_as_native_obj=False,
) as dag:
    plans: list[Any] = []
    chunks: list[Any] = []
    for name, what in EXPORTS.items():
        task = name.replace("/", "_")
        plan: Any = ExportPlanOperator(
            task_id=f"plan_{task}",
            export_name=name,
            max_rows_per_file="{{ 50 }}",
            report_only="{{ params.dry_run }}",
            **PLACE,
            **what,
        )
        chunk = ExportChunksOperator.partial(
            task_id=f"export_{task}",
            plan=plan.output["plan"],
            map_index_template="{{ export_unit }}",
        ).expand(unit=plan.output)
        plans.append(plan)
        chunks.append(chunk)
    publish = PublishExportsOperator(
        task_id="publish",
        plan_tasks=[plan.task_id for plan in plans],
        states=[chunk.output for chunk in chunks],
        assets={name: export_asset(export_name=name, **PLACE) for name in EXPORTS},
        lock_wait=0,
        postgres_conn_id="{{ 'nowhere' if params.fail else 'postgres_default' }}",
    )
    end = AbortExportsOperator(task_id="end_exports", plan_tasks=[plan.task_id for plan in plans])
    publish >> end.as_teardown()
