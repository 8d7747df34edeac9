"""The graph's right half: release of the audited tables, export, publication."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import TaskGroup, XComArg

from billing_aggregator.config.models import ordered
from billing_aggregator.dag.script_phases import scripts_phase
from billing_aggregator.operators.client_exports import (
    ClientAbortOperator,
    ClientChunksOperator,
    ClientPlanOperator,
    ClientPublishOperator,
    place,
)
from billing_aggregator.operators.publish_exports import export_asset
from billing_aggregator.runs.airflow_names import PLAN_KEY
from billing_aggregator.sql.folders import group_of
from billing_aggregator.sql.scripts import SourceFileError, find_queries, system_of_query

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.sdk.definitions.mappedoperator import MappedOperator

    from billing_aggregator.config import ClientConfig

RESULTS_SCHEMA = "report_oibl"


def exports_of(config: ClientConfig, root: Path) -> dict[str, dict[str, Any]]:
    """Return name -> what :class:`ClientPlanOperator` needs: each system's results, then each archive query."""
    exports: dict[str, dict[str, Any]] = {
        f"{system}_results": {"table": f"{RESULTS_SCHEMA}.{system}_results", "system": system}
        for system in ordered(config.systems, config.dependencies)
    }
    for name, path in find_queries(root).items():
        exports[name] = {"query": path.relative_to(root).as_posix(), "system": _system(path)}
    return exports


def _system(query: Path) -> str | None:
    """Return the query's system; a file that cannot be read is told by its own task, see ``check_files``."""
    try:
        return system_of_query(query)
    except SourceFileError:
        return None


def export_phase(config: ClientConfig, root: Path) -> tuple[TaskGroup, list[Any], list[Any]]:
    """Return the group, the plans' tasks and the chunks' tasks.

    Each export is planned once and then filled by one task for each file, on any worker.
    """
    options = config.export.model_copy(
        update={"key_template": config.key_template, "max_rows_per_file": config.max_rows_per_file}
    )
    plans: list[ClientPlanOperator] = []
    chunks: list[MappedOperator] = []
    with TaskGroup("export") as group:
        # The audited tables take their place before anything is read from it.
        release = scripts_phase("export", config, root, group_id="release")
        for name, what in exports_of(config, root).items():
            with TaskGroup(group_of(name)):
                plan = ClientPlanOperator(
                    task_id="plan", client_config=config, export_name=name, options=options, **what
                )
                chunk = ClientChunksOperator.partial(
                    task_id="chunk",
                    client_config=config,
                    plan=XComArg(plan, PLAN_KEY),
                    map_index_template="{{ export_unit }}",
                ).expand(unit=plan.output)
                # An empty group hands its successors on to the group around it: a cycle.
                if release.children:
                    release >> plan
            plans.append(plan)
            chunks.append(chunk)
    return group, plans, chunks


def publish_phase(config: ClientConfig, plans: list[Any], chunks: list[Any]) -> TaskGroup:
    """Return the group: one publication of all exports, and the abortion of uploads that no publication completed."""
    tasks = [plan.task_id for plan in plans]
    names = [plan.export_name for plan in plans]
    with TaskGroup("publish") as group:
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
