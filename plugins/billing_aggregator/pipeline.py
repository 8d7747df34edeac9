"""The graph: ``build_dag`` reads top to bottom like the picture in the README.

prechecks -> init -> audits -> export -> publish -> history -> cleanup
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, chain

from billing_aggregator.alerts import dag_callbacks, on_task_failure
from billing_aggregator.config import BrokenConfig, ConfigError
from billing_aggregator.config.load import sql_root
from billing_aggregator.deadlines import deadline
from billing_aggregator.export_phases import export_phase, publish_phase
from billing_aggregator.operators.broken_config import BrokenConfigOperator
from billing_aggregator.operators.client_exports import ClientSweepOperator
from billing_aggregator.operators.finish_run import finish
from billing_aggregator.operators.start_run import StartRunOperator
from billing_aggregator.run_params import declare_params
from billing_aggregator.script_phases import scripts_phase
from billing_aggregator.scripts import ScriptError

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig

START_DATE = datetime(2026, 1, 1, tzinfo=UTC)
MAX_RETRY_DELAY = timedelta(minutes=15)


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
        proven = [scripts_phase(phase, config, root) for phase in ("prechecks", "init", "audits")]
        export, plans, chunks = export_phase(config, root)
        publish = publish_phase(config, plans, chunks)
        history = scripts_phase("history", config, root)
        cleanup = scripts_phase("cleanup", config, root)
        with cleanup:
            ClientSweepOperator(task_id="sweep_uploads", client_config=config)
        chain(start, *(phase for phase in (*proven, export, publish, history, cleanup) if phase.children))
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
        "on_failure_callback": on_task_failure,
        "retries": config.retries,
        "retry_delay": timedelta(seconds=config.retry_delay_seconds),
        "retry_exponential_backoff": True,
        "max_retry_delay": MAX_RETRY_DELAY,
        "execution_timeout": timedelta(minutes=config.task_timeout_minutes),
        # A run without one of its systems skips this system's tasks; the next phase runs all the same.
        "trigger_rule": "none_failed",
    }
