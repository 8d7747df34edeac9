"""The phases that move data to S3: one task group an export, then one publication of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import TaskGroup, XComArg

from billing_aggregator.dag.placement import phase_group
from billing_aggregator.night.phases import EXPORT, PUBLISH
from billing_aggregator.operators.client_exports import (
    ClientAbortOperator,
    ClientChunksOperator,
    ClientPlanOperator,
    ClientPublishOperator,
    place,
)
from billing_aggregator.operators.publish_exports import export_asset
from billing_aggregator.runs.airflow_names import PLAN_KEY

if TYPE_CHECKING:
    from airflow.sdk.definitions.mappedoperator import MappedOperator

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.night import Night


def export_phase(night: Night) -> tuple[TaskGroup, list[Any], list[Any]]:
    """Return the group, the plans' tasks and the chunks' tasks.

    Each export is planned once and then filled by one task for each file, on any worker.
    """
    config = night.config
    options = config.export.model_copy(
        update={"key_template": config.key_template, "max_rows_per_file": config.max_rows_per_file}
    )
    plans: list[ClientPlanOperator] = []
    chunks: list[MappedOperator] = []
    with phase_group(config, EXPORT) as group:
        for export in night.exports:
            source = {"table": export.table} if export.table else {"query": export.query}
            with TaskGroup(export.group):
                plan = ClientPlanOperator(
                    task_id="plan",
                    client_config=config,
                    export_name=export.name,
                    options=options,
                    system=export.system,
                    **source,
                )
                chunk = ClientChunksOperator.partial(
                    task_id="chunk",
                    client_config=config,
                    plan=XComArg(plan, PLAN_KEY),
                    map_index_template="{{ export_unit }}",
                ).expand(unit=plan.output)
            plans.append(plan)
            chunks.append(chunk)
    return group, plans, chunks


def publish_phase(config: ClientConfig, plans: list[Any], chunks: list[Any]) -> TaskGroup:
    """Return the group: one publication of all exports, and the abort of uploads that no publication completed."""
    tasks = [plan.task_id for plan in plans]
    names = [plan.export_name for plan in plans]
    with phase_group(config, PUBLISH) as group:
        publish = ClientPublishOperator(
            task_id="publish",
            client_config=config,
            publishes=True,
            plan_tasks=tasks,
            states=[chunk.output for chunk in chunks],
            keep=names,
            assets={name: export_asset(export_name=name, **place(config)) for name in names},
        )
        abort = ClientAbortOperator(task_id="abort_uploads", client_config=config, plan_tasks=tasks)
        publish >> abort.as_teardown()
    return group
