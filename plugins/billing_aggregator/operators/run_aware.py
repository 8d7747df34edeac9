"""What every task of a run shares: it knows its client, skips what the run leaves out, and talks to the warehouse."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import structlog
from airflow.sdk.exceptions import AirflowSkipException, AirflowTaskTimeout

from billing_aggregator.alerts import on_task_failure
from billing_aggregator.errors.text import first_line
from billing_aggregator.observe import logs
from billing_aggregator.operators.base import WorkOperator
from billing_aggregator.operators.lineage import Warehouse
from billing_aggregator.operators.task_errors import task_errors
from billing_aggregator.postgres.connection import postgres_hook
from billing_aggregator.postgres.drivers import interruptible
from billing_aggregator.runs import Run, RunParams, Stamp, TableGuard, lock
from billing_aggregator.runs.airflow_names import DEPLOYMENT_KEY, ERROR_KEY, FINISH_TASK, START_TASK
from billing_aggregator.runs.airflow_states import has_ended
from billing_aggregator.runs.deployment import deployment
from billing_aggregator.runs.heartbeat import heartbeat
from billing_aggregator.runs.params import resolve_params
from billing_aggregator.runs.session_names import session_name
from billing_aggregator.sql.report_schema import results_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow.sdk.definitions.context import Context

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.errors.kinds import Kind
    from billing_aggregator.postgres.hook import WarehouseHook
    from billing_aggregator.postgres.protocols import Connection
    from billing_aggregator.runs.table_guard import Phase

# The server cancels a statement before Airflow gives up the task, so that the task can say what happened.
STATEMENT_MARGIN_SECONDS = 10

log = structlog.get_logger(__name__)


class RunAwareOperator(WorkOperator):
    """Base of the aggregator's tasks.

    A terminal error fails the task at once, a transient one is retried as the DAG's defaults say, on every Airflow:
    see :mod:`billing_aggregator.errors`. After the last try :mod:`billing_aggregator.alerts` sends an alert.

    :param client_config: the client and environment that the task works for.
    :param system: the task is skipped in runs without this system; None: it belongs to no system.
    :param publishes: the task changes what readers see; it is skipped in dry runs.
    """

    # Whether the run begins with this task.
    begins = False
    # Whether each start prolongs the run's lock.
    heartbeats = True
    # The task ran into its own time-out, for which Airflow calls on_kill as well: that is a failure.
    timed_out = False
    # Where its tables are, once it has connected.
    place: Warehouse | None = None
    # The run that the task works for and the name of its Airflow, once it is known.
    _named: tuple[str, str] | None = None

    def __init__(
        self, *, client_config: ClientConfig, system: str | None = None, publishes: bool = False, **kwargs: Any
    ) -> None:
        kwargs.setdefault("on_failure_callback", on_task_failure)
        super().__init__(**kwargs)
        self.belongs_to(client_config, system, publishes)

    def belongs_to(self, client_config: ClientConfig, system: str | None, publishes: bool) -> None:
        """Say what the task works for; see the class's parameters."""
        self.client_config = client_config
        self.system = system
        self.publishes = publishes

    def pre_execute(self, context: Context) -> None:
        """Skip what this run leaves out; fail at once when its params do not fit together."""
        super().pre_execute(context)
        with task_errors():
            run = self.run_params(context)
        if self.system is not None and self.system not in run.systems:
            raise AirflowSkipException(f"this run leaves out system {self.system}")
        if self.publishes and run.dry_run:
            raise AirflowSkipException("dry run: nothing is published")

    @contextmanager
    def around_work(self, context: Context) -> Iterator[None]:
        """Name the run on every line of the log, keep its lock, and keep the error of a task that fails."""
        started = time.monotonic()

        def failed(error: BaseException, kind: Kind | None) -> None:
            self.timed_out = isinstance(error, AirflowTaskTimeout)
            with suppress(Exception):
                context["ti"].xcom_push(key=ERROR_KEY, value=first_line(error))
            if kind is not None:
                seconds = round(time.monotonic() - started, 3)
                log.warning("task failed", kind=kind, error=first_line(error), seconds=seconds)

        with task_errors(failed):
            self.bind_log(context)
            with self._locked(context):
                yield

    def run_params(self, context: Context) -> RunParams:
        """Return the run's params; raises RunParamError, which is terminal."""
        return resolve_params(self.client_config, context, begins=self.begins)

    def run_settings(self, context: Context) -> dict[str, str]:
        """Return what SQL scripts read as ``bda.<name>``."""
        day = self.run_params(context).business_date.isoformat()
        return {
            "client": self.client_config.client,
            "environment": self.client_config.environment,
            "system": self.system or "",
            "business_date": day,
            # The same day, for rules that ask what holds today: an old day is rebuilt as seen from that day.
            "as_of": day,
            "run_id": str(context["run_id"]),
            "timezone": self.client_config.timezone,
            "retention_days": str(self.client_config.retention_days),
            "freshness_hours": str(self.client_config.freshness_hours),
            "usage_max_gap_hours": str(self.client_config.usage.max_gap_hours),
        }

    def table_guard(
        self, context: Context, phase: Phase, script: str = "", exported: Mapping[str, str] | None = None
    ) -> TableGuard:
        """Return the guard that keeps this task from using tables of another run.

        :param script: what the task runs, for the stamp of the tables that it builds.
        :param exported: see :class:`~billing_aggregator.runs.TableGuard`.
        """
        stamp = Stamp.of(self.this_run(context), self.run_params(context).business_date.isoformat(), script)
        systems = {*self.client_config.systems, *self.client_config.dependencies}
        return TableGuard(stamp, phase, {results_table(system) for system in systems}, exported)

    def this_run(self, context: Context) -> Run:
        """Return which run this is, among those of every Airflow on the same warehouse."""
        config = self.client_config
        run_id = str(context["run_id"])
        if self._named is None or self._named[0] != run_id:
            self._named = (run_id, _deployment(context))
        return Run(config.client, config.environment, self._named[1], config.dag_id, run_id)

    def warehouse_hook(self, context: Context) -> WarehouseHook:
        """Return a hook whose sessions name this task and end with it; raises ConfigError, which is terminal."""
        config = self.client_config
        name = session_name(config.client, config.environment, self.this_run(context).tag, self.task_id)
        seconds = max(1, self.statement_seconds() - STATEMENT_MARGIN_SECONDS)
        hook = postgres_hook(config, application_name=name, statement_seconds=seconds)
        self.place = Warehouse.of(hook.connection)
        return hook

    def task_seconds(self) -> int:
        """Return how long the task may take."""
        return int(self.execution_timeout.total_seconds()) if self.execution_timeout else 3600

    def statement_seconds(self) -> int:
        """Return how long one statement of the task may take: as long as the task."""
        return self.task_seconds()

    @contextmanager
    def warehouse(self, context: Context) -> Iterator[Connection]:
        """Yield a session of the warehouse; it ends with the block, and its statement when the task is told to stop."""
        with self.session(self.warehouse_hook(context).get_conn()) as connection, interruptible(connection):
            yield connection

    def acquire_lock(self, context: Context) -> bool:
        """Take or prolong the run's lock on its client; return whether the run did not have it.

        :raises LockHeldError: another run has it.
        """
        phase, _ = logs.phase_and_script(self.task_id)
        with self.warehouse(context) as connection:
            # The first task records the run, and its own phase with it.
            return heartbeat(
                connection, self.this_run(context), self.task_seconds(), phase if phase != START_TASK else ""
            )

    @contextmanager
    def _locked(self, context: Context) -> Iterator[None]:
        """Hold the run's lock, and release one that no other task of the run will release.

        Airflow 3.2 clears a task alone, without the run's first and last task.
        """
        taken = self.heartbeats and self.acquire_lock(context)
        try:
            yield
        finally:
            if taken:
                with suppress(Exception):
                    run = self.this_run(context)
                    if has_ended(run.dag_id, run.run_id, FINISH_TASK):
                        with self.warehouse(context) as connection:
                            lock.release_unused(connection, run)

    def bind_log(self, context: Context) -> None:
        """Put client, environment, run, business date, phase and script on every line that this task logs."""
        phase, script = logs.phase_and_script(self.task_id)
        logs.bind(
            self.client_config.log_level,
            client=self.client_config.client,
            environment=self.client_config.environment,
            run_id=str(context["run_id"]),
            business_date=self.run_params(context).business_date.isoformat(),
            phase=phase,
            script=script or None,
        )


def _deployment(context: Context) -> str:
    """Return the name of this Airflow as the run's first task found it: it must not change within a run."""
    with suppress(Exception):
        found = context["ti"].xcom_pull(task_ids=START_TASK, key=DEPLOYMENT_KEY)
        if isinstance(found, str):
            return found
    return deployment()
