"""The graph: ``build_dag`` reads top to bottom like the picture in the README.

prechecks -> init -> audits -> export -> publish -> history -> cleanup
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, TaskGroup, chain

from billing_aggregator.alerts import dag_callbacks
from billing_aggregator.config import BrokenConfig, ConfigError
from billing_aggregator.config.load import sql_root
from billing_aggregator.config.models import ordered
from billing_aggregator.deadlines import deadline
from billing_aggregator.operators.broken_config import BrokenConfigOperator
from billing_aggregator.operators.finish_run import finish
from billing_aggregator.operators.sql_check import SqlCheckOperator
from billing_aggregator.operators.sql_script import SqlScriptOperator
from billing_aggregator.operators.start_run import StartRunOperator
from billing_aggregator.run_params import declare_params
from billing_aggregator.scripts import Script, ScriptError, find_queries, find_scripts, stages

if TYPE_CHECKING:
    from pathlib import Path

    from billing_aggregator.config import ClientConfig

START_DATE = datetime(2026, 1, 1, tzinfo=UTC)
MAX_RETRY_DELAY = timedelta(minutes=15)
CHECK_PHASES = ("prechecks", "audits")


def build_dag(config: ClientConfig) -> DAG:
    """Return the DAG of one client and environment.

    :raises ScriptError: a system has no scripts, or a script's name is wrong.
    :raises ConfigError: the SQL folder does not exist.
    """
    root = sql_root(config)
    with DAG(
        dag_id=config.dag_id,
        schedule=config.schedule,
        start_date=START_DATE,
        catchup=False,
        max_active_runs=1,
        max_active_tasks=config.db_max_conns,
        dagrun_timeout=timedelta(minutes=config.run_timeout_minutes),
        template_searchpath=[str(root)],
        params=declare_params(config),
        default_args=default_args(config),
        tags=["billing", config.client, config.environment],
        doc_md=__doc__,
        **deadline(config),
        **dag_callbacks(config),
    ) as dag:
        start = StartRunOperator(task_id="start", client_config=config)
        phases = [scripts_phase(phase, config, root) for phase in ("prechecks", "init", "audits")]
        exports = export_phase(config, root)
        phases += [
            exports,
            publish_phase(config, exports),
            *(scripts_phase(phase, config, root) for phase in ("history", "cleanup")),
        ]
        chain(start, *(phase for phase in phases if phase.children))
        finish(dag, start)
    return dag


def build_or_explain(config: ClientConfig | BrokenConfig) -> DAG | None:
    """Return the DAG of *config*; None when it is disabled.

    A configuration that cannot be right gives a DAG of the same id with one task that fails with the explanation: the
    UI shows it, and no other client's DAG goes down.
    """
    try:
        if isinstance(config, BrokenConfig):
            return broken_dag(config.dag_id, config.error)
        return build_dag(config) if config.enabled else None
    except (ConfigError, ScriptError) as error:
        return broken_dag(config.dag_id, str(error))


def broken_dag(dag_id: str, error: str) -> DAG:
    """Return a DAG that is never scheduled and whose one task fails with *error*."""
    with DAG(dag_id=dag_id, schedule=None, start_date=START_DATE, tags=["billing", "broken"], doc_md=error) as dag:
        BrokenConfigOperator(task_id="configuration_error", error=error)
    return dag


def default_args(config: ClientConfig) -> dict[str, Any]:
    """Return what holds for every task: retries with growing delay, time-outs, skipped tasks stop nobody."""
    return {
        "owner": "billing",
        "retries": config.retries,
        "retry_delay": timedelta(seconds=config.retry_delay_seconds),
        "retry_exponential_backoff": True,
        "max_retry_delay": MAX_RETRY_DELAY,
        "execution_timeout": timedelta(minutes=config.task_timeout_minutes),
        # A run without one of its systems skips this system's tasks; the next phase runs all the same.
        "trigger_rule": "none_failed",
    }


def scripts_phase(phase: str, config: ClientConfig, root: Path, *, group_id: str | None = None) -> TaskGroup:
    """Return the task group of *phase*: one group for each system, in the order of the systems' dependencies."""
    with TaskGroup(group_id or phase) as group:
        systems = [
            system_scripts(phase, system, scripts, config)
            for system in ordered(config.systems, config.dependencies)
            if (scripts := required_scripts(phase, system, config, root))
        ]
        if phase in ("init", "export") and len(systems) > 1:
            chain(*systems)
    return group


def system_scripts(phase: str, system: str, scripts: list[Script], config: ClientConfig) -> TaskGroup:
    """Return the group of one system: scripts of one number side by side, the next number behind all of them."""
    with TaskGroup(system) as group:
        before: list[SqlScriptOperator | SqlCheckOperator] = []
        for stage in stages(scripts):
            tasks = [script_task(phase, system, script, config) for script in stage]
            for task in before:
                task >> tasks
            before = tasks
    return group


def script_task(phase: str, system: str, script: Script, config: ClientConfig) -> SqlScriptOperator | SqlCheckOperator:
    """Return the task of one script: a check in ``prechecks`` and ``audits``, else a script that writes."""
    operator = SqlCheckOperator if phase in CHECK_PHASES else SqlScriptOperator
    return operator(
        task_id=script.name,
        sql=script.relative,
        client_config=config,
        system=system,
        publishes=phase == "history",
    )


def required_scripts(phase: str, system: str, config: ClientConfig, root: Path) -> list[Script]:
    """Return a system's scripts in *phase*; every system must have scripts in ``init``."""
    scripts = find_scripts(root, phase, system, config.client)
    if phase == "init" and not scripts:
        raise ScriptError(
            f"{root / phase / system}: system {system} has no scripts here; add NNN_name.sql files or "
            f"remove {system} from the systems of {config.client}/{config.environment}"
        )
    return scripts


def export_phase(config: ClientConfig, root: Path) -> TaskGroup:
    """Put the audited tables in place, then export each system's results and each archive query."""
    from billing_aggregator.operators.simple_export import ExportOperator

    with TaskGroup("export") as group:
        swaps = scripts_phase("export", config, root, group_id="release")
        exports = [
            ExportOperator(
                task_id=f"{system}_results",
                name=f"{system}_results",
                query=f"select * from report_oibl.{system}_results",  # noqa: S608
                system=system,
                client_config=config,
            )
            for system in ordered(config.systems, config.dependencies)
        ]
        for name, path in find_queries(root).items():
            exports.append(
                ExportOperator(
                    task_id=name.replace("/", "_"),
                    name=name,
                    query=path.read_text().strip().rstrip(";"),
                    client_config=config,
                )
            )
        swaps >> exports
    return group


def publish_phase(config: ClientConfig, exports: TaskGroup) -> TaskGroup:
    """Publish what was exported."""
    from billing_aggregator.operators.simple_export import PublishOperator

    with TaskGroup("publish") as group:
        PublishOperator(
            task_id="publish",
            export_tasks=[t for t in exports.children if not t.endswith("release")],
            client_config=config,
        )
    return group
