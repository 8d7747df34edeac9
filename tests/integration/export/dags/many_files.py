"""One export of many files of one row each: more files than Airflow maps tasks."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

from airflow.sdk import DAG

from billing_aggregator.operators.abort_exports import AbortExportsOperator
from billing_aggregator.operators.export_chunks import ExportChunksOperator
from billing_aggregator.operators.export_plan import ExportPlanOperator
from billing_aggregator.operators.publish_exports import PublishExportsOperator

PLACE: dict[str, Any] = {"target": os.environ["EXPORT_EXAMPLE_TARGET"], "client": "enercity", "environment": "prod"}

with DAG(dag_id="many_files", schedule=None, start_date=datetime(2026, 1, 1)) as dag:  # noqa: DTZ001 - taken for UTC
    plan: Any = ExportPlanOperator(
        task_id="plan", export_name="many", table="public.many", options={"max_rows_per_file": 1}, **PLACE
    )
    chunk = ExportChunksOperator.partial(
        task_id="chunk", plan=plan.output["plan"], map_index_template="{{ export_unit }}"
    ).expand(unit=plan.output)
    publish = PublishExportsOperator(task_id="publish", plan_tasks=["plan"], states=[chunk.output])
    end = AbortExportsOperator(task_id="end_exports", plan_tasks=["plan"])
    publish >> end.as_teardown()
