"""The graph of a client's night.

start -> prechecks -> init -> audits -> release -> post -> export -> publish -> history -> cleanup -> finish

:mod:`billing_aggregator.night.phases` has the list, :mod:`billing_aggregator.night` what each phase consists of.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG
from airflow.sdk.definitions.param import ParamsDict

from billing_aggregator.alerts import dag_callbacks, on_task_failure
from billing_aggregator.config import BrokenConfig, ClientConfig, ConfigError
from billing_aggregator.config.text_files import SourceFileError
from billing_aggregator.dag.deadline import deadline
from billing_aggregator.dag.documentation import documentation
from billing_aggregator.dag.edges import in_a_row
from billing_aggregator.dag.export_phases import export_phase, publish_phase
from billing_aggregator.dag.placement import executor_of
from billing_aggregator.dag.script_phases import scripts_phase
from billing_aggregator.night import Night, read_night
from billing_aggregator.night.needs import declared_needs, needed_from
from billing_aggregator.night.phases import AFTER_EXPORTS, BEFORE_EXPORTS, START
from billing_aggregator.night.problems import file_problems, problems_of_task, refuse
from billing_aggregator.operators.broken_config import BrokenConfigOperator
from billing_aggregator.operators.client_exports import ClientSweepOperator
from billing_aggregator.operators.finish_run import finish
from billing_aggregator.operators.start_run import StartRunOperator
from billing_aggregator.runs.airflow_names import START_TASK
from billing_aggregator.runs.params import declare_params

if TYPE_CHECKING:
    from billing_aggregator.night.needs import Numbers
    from billing_aggregator.sql.read_once import ReadOnce

START_DATE = datetime(2026, 1, 1, tzinfo=UTC)
BROKEN_TASK = "configuration_error"
MAX_RETRY_DELAY = timedelta(minutes=15)


def build_dag(night: Night, numbers: Numbers | None = None) -> DAG:
    """Return the DAG of one client and environment, from its description alone.

    :param numbers: from which script on a system waits for another one; None: as ``clients.yaml`` says.
    """
    config = night.config
    numbers = declared_needs(config) if numbers is None else numbers
    params = declare_params(config)
    with DAG(
        dag_id=config.dag_id,
        schedule=config.schedule,
        start_date=START_DATE,
        catchup=False,
        max_active_runs=1,
        max_active_tasks=config.db_max_conns,
        dagrun_timeout=timedelta(minutes=config.run_timeout_minutes),
        # The DAG file registers DAGs itself: one whose building failed half-way must not be found.
        auto_register=False,
        default_args=default_args(config),
        tags=["billing", config.client, config.environment],
        doc_md=documentation(night, params),
        **deadline(config),
        **dag_callbacks(config),
    ) as dag:
        start = StartRunOperator(task_id=START_TASK, client_config=config, executor=executor_of(config, START))
        phases = [night.phase(phase.name) for phase in BEFORE_EXPORTS]
        phases = [phase for phase in phases if phase.has_scripts or not phase.phase.rare]
        before = [scripts_phase(phase, config, numbers) for phase in phases]
        export, plans, chunks = export_phase(night)
        publish = publish_phase(config, plans, chunks)
        after = [scripts_phase(night.phase(phase.name), config, numbers) for phase in AFTER_EXPORTS]
        with after[-1]:
            ClientSweepOperator(task_id="sweep_uploads", client_config=config)
        # An empty group hands its successors on to the group around it: a cycle.
        in_a_row(start, (phase for phase in (*before, export, publish, *after) if phase.children))
        finish(dag, start).executor = start.executor
    # Now that its tasks exist: each task would get a copy of params that the DAG has before, and Airflow validates all
    # copies when it serialises the DAG (apache/airflow#32434). Each task finds the params of its DAG in its context.
    # Past the attribute's setter: it would validate all schemas again for each client; declare_params has, once.
    object.__setattr__(dag, "params", ParamsDict(params))
    return dag


def build_or_explain(
    config: ClientConfig | BrokenConfig, task_id: str | None = None, once: ReadOnce | None = None
) -> DAG | None:
    """Return the DAG of *config*; None when it is disabled.

    Whatever is wrong gives a DAG of the same id with one task that fails with the explanation: the UI shows it, and no
    other client's DAG is affected.

    :param task_id: the task that a worker is about to run. Then each file is left to its own task, and a task whose
        file is gone fails with the explanation.
    :param once: has read what other clients have of the same files.
    """
    explaining = task_id in (None, BROKEN_TASK)
    try:
        if isinstance(config, BrokenConfig):
            return broken_dag(config.dag_id, config.error, task_id)
        if not config.enabled:
            return None
        night = read_night(config, once)
        refuse(file_problems(night, once) if task_id is None or explaining else problems_of_task(night, task_id))
        # A worker runs one task, whatever it waits for: it reads no other script.
        dag = build_dag(night, needed_from(night, once) if task_id is None else None)
        if task_id is None or task_id in dag.task_dict:
            return dag
        error = "what was wrong has been fixed since; trigger a new run"
        if not explaining:
            error = (
                f"{task_id} is not a task any more: its SQL file, or its system, was removed after the run had started"
            )
    except (ConfigError, SourceFileError) as problem:
        error = str(problem)
    except Exception as problem:  # one client's surprise must not take the others down
        error = f"{type(problem).__name__}: {problem}"
    return broken_dag(config.dag_id, error, task_id, config if isinstance(config, ClientConfig) else None)


def broken_dag(dag_id: str, error: str, task_id: str | None = None, config: ClientConfig | None = None) -> DAG:
    """Return a DAG that is never scheduled and whose one task fails with *error*.

    :param config: whose alerts report a run's failure; None: nobody is known.
    """
    with DAG(
        dag_id=dag_id,
        schedule=None,
        start_date=START_DATE,
        tags=["billing", "broken"],
        doc_md=error,
        auto_register=False,
    ) as dag:
        BrokenConfigOperator(task_id=task_id or BROKEN_TASK, error=error, client_config=config)
    return dag


def default_args(config: ClientConfig) -> dict[str, Any]:
    """Return what holds for every task: retries with a growing delay, time-outs, skipped tasks block nothing."""
    return {
        "owner": "billing",
        "on_failure_callback": on_task_failure,
        "retries": config.retries,
        "retry_delay": timedelta(seconds=config.retry_delay_seconds),
        "retry_exponential_backoff": True,
        "max_retry_delay": MAX_RETRY_DELAY,
        "execution_timeout": timedelta(minutes=config.task_timeout_minutes),
        # A run that leaves a system out skips this system's tasks; the next phase must run all the same.
        "trigger_rule": "none_failed",
    }
