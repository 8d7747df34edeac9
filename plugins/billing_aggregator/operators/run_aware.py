"""What every task of a run shares: it knows its client, skips what the run leaves out, and talks to the warehouse."""

from __future__ import annotations

import functools
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import structlog
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException, AirflowTaskTimeout

from billing_aggregator.alerts import on_task_failure
from billing_aggregator.config import ConfigError
from billing_aggregator.errors.kinds import classify
from billing_aggregator.errors.text import first_line
from billing_aggregator.observe import logs
from billing_aggregator.postgres.connection import postgres_hook
from billing_aggregator.postgres.drivers import interruptible
from billing_aggregator.runs import Stamp, TableGuard, lock
from billing_aggregator.runs.airflow_states import has_ended, run_state
from billing_aggregator.runs.deployment import deployment
from billing_aggregator.runs.identity import Run
from billing_aggregator.runs.params import RunParamError, RunParams, resolve_params
from billing_aggregator.runs.session_names import session_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from airflow.sdk.definitions.context import Context

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.postgres.hook import WarehouseHook
    from billing_aggregator.postgres.protocols import Connection
    from billing_aggregator.runs.table_guard import Phase

# The server cancels a statement before Airflow gives up the task, so that the task can say what happened.
STATEMENT_MARGIN_SECONDS = 10
# XCom key of a failed try's error, for the messages and the run's summary.
ERROR_KEY = "error"
# The first and the last task of every run, and the first one's XCom key with the Airflow's name.
START_TASK = "start"
FINISH_TASK = "finish"
DEPLOYMENT_KEY = "deployment"

log = structlog.get_logger(__name__)


def guarded(execute: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap an operator's ``execute``: log context, the run's lock, and errors that are terminal or transient."""

    @functools.wraps(execute)
    def wrapper(self: RunAwareOperator, context: Context, *args: Any, **kwargs: Any) -> Any:
        if self._guarding:
            # A subclass calls super().execute(): the outermost call guards.
            return execute(self, context, *args, **kwargs)
        self._guarding = True
        started = time.monotonic()
        taken = False
        try:
            self.bind_log(context)
            if self.heartbeats:
                taken = self.acquire_lock(context)
            return execute(self, context, *args, **kwargs)
        except AirflowException as error:
            if not isinstance(error, AirflowSkipException):
                self._remember(context, error)
            raise
        except Exception as error:
            self._remember(context, error)
            kind = classify(error)
            log.warning("task failed", kind=kind, error=first_line(error), seconds=round(time.monotonic() - started, 3))
            if kind == "terminal":
                raise AirflowFailException(str(error)) from error
            raise
        except AirflowTaskTimeout as error:
            self.timed_out = True
            self._remember(context, error)
            raise
        finally:
            self._guarding = False
            if taken:
                self._give_back(context)

    return wrapper


class RunAwareOperator(BaseOperator):
    """Base of the aggregator's tasks.

    A terminal error fails the task at once, a transient one is retried as the DAG's defaults say, on every Airflow:
    see :mod:`billing_aggregator.errors`. A failure after the last retry is told by :mod:`billing_aggregator.alerts`.

    :param client_config: the client and environment that the task works for.
    :param system: the task is skipped in runs without this system; None: it belongs to no system.
    :param publishes: the task changes what readers see; it is skipped in dry runs.
    """

    # Whether each start prolongs the run's lock.
    heartbeats = True
    _guarding = False
    # The run that the task works for and the name of its Airflow, once it is known.
    _named: tuple[str, str] | None = None
    # The task was told to stop; its failure is then nobody's error.
    killed = False
    # It ran into its own time-out, for which Airflow calls on_kill as well: that is a failure.
    timed_out = False
    # What on_kill cancels.
    _session: Connection | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "execute" in cls.__dict__:
            cls.execute = guarded(cls.__dict__["execute"])  # type: ignore[method-assign]

    def __init__(
        self, *, client_config: ClientConfig, system: str | None = None, publishes: bool = False, **kwargs: Any
    ) -> None:
        kwargs.setdefault("on_failure_callback", on_task_failure)
        super().__init__(**kwargs)
        self.client_config = client_config
        self.system = system
        self.publishes = publishes

    def pre_execute(self, context: Context) -> None:
        """Skip what this run leaves out; fail at once when its params do not fit together."""
        super().pre_execute(context)
        run = self.run_params(context)
        if self.system is not None and self.system not in run.systems:
            raise AirflowSkipException(f"this run leaves out system {self.system}")
        if self.publishes and run.dry_run:
            raise AirflowSkipException("dry run: nothing is published")

    def run_params(self, context: Context) -> RunParams:
        """Return the run's params; raises AirflowFailException, for a retry would not change them."""
        try:
            return resolve_params(self.client_config, context)
        except RunParamError as error:
            raise AirflowFailException(str(error)) from None

    def run_settings(self, context: Context) -> dict[str, str]:
        """Return what SQL scripts read as ``bda.<name>``."""
        run = self.run_params(context)
        return {
            "client": self.client_config.client,
            "environment": self.client_config.environment,
            "business_date": run.business_date.isoformat(),
            "run_id": str(context["run_id"]),
            "timezone": self.client_config.timezone,
            "retention_days": str(self.client_config.retention_days),
            "freshness_hours": str(self.client_config.freshness_hours),
        }

    def table_guard(
        self, context: Context, phase: Phase, script: str = "", exported: Mapping[str, str] | None = None
    ) -> TableGuard:
        """Return what keeps this task from using tables of another run.

        :param script: what the task runs, for the stamp of the tables that it builds.
        :param exported: see :class:`~billing_aggregator.runs.TableGuard`.
        """
        stamp = Stamp.of(self.this_run(context), self.run_params(context).business_date.isoformat(), script)
        systems = {*self.client_config.systems, *self.client_config.dependencies}
        return TableGuard(stamp, phase, {f"{system}_results" for system in systems}, exported)

    def this_run(self, context: Context) -> Run:
        """Return which run this is, among those of every Airflow on the same warehouse."""
        config = self.client_config
        run_id = str(context["run_id"])
        if self._named is None or self._named[0] != run_id:
            self._named = (run_id, self._deployment(context))
        return Run(config.client, config.environment, self._named[1], config.dag_id, run_id)

    def warehouse_hook(self, context: Context) -> WarehouseHook:
        """Return a hook whose sessions name this task and end with it."""
        seconds = int(self.execution_timeout.total_seconds()) if self.execution_timeout else 3600
        config = self.client_config
        try:
            return postgres_hook(
                config,
                application_name=session_name(
                    config.client, config.environment, self.this_run(context).tag, self.task_id
                ),
                statement_seconds=max(1, seconds - STATEMENT_MARGIN_SECONDS),
            )
        except ConfigError as error:
            raise AirflowFailException(str(error)) from None

    @contextmanager
    def warehouse(self, context: Context) -> Iterator[Connection]:
        """Yield a connection to the warehouse that is closed at the end and cancelled when the task is told to stop."""
        with closing(self.warehouse_hook(context).get_conn()) as connection, interruptible(connection):
            self._session = connection
            try:
                yield connection
            finally:
                self._session = None

    def acquire_lock(self, context: Context) -> bool:
        """Take or prolong the run's lock on its client; return whether the run did not have it.

        :raises LockHeldError: another run has it.
        """
        lease = self.client_config.task_timeout_minutes * 60 + lock.LEASE_MARGIN_SECONDS
        run = self.this_run(context)
        with self.warehouse(context) as connection:
            held = lock.holder(connection, run)
            try:
                lock.acquire(connection, run, lease)
            except lock.LockHeldError:
                held = lock.holder(connection, run)
                if held is None or not _has_ended(held.run, run):
                    raise
                log.warning("taking over the lock of a run that has ended", holder=str(held))
                lock.acquire(connection, run, lease, ended=held.run)
        return held is None or held.run != run

    def _give_back(self, context: Context) -> None:
        """Give back a lock that no task of the run will give back; never fails.

        Airflow 3.2 clears a task alone, without the run's first and last one.
        """
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

    def on_kill(self) -> None:
        """Cancel what the server does for a task that was told to stop: by a time-out, a person, or its run's end."""
        self.killed = True
        if self._session is not None:
            # It may have ended already; a failed cancel must not hide why the task was stopped.
            with suppress(Exception):
                self._session.cancel()
        super().on_kill()

    def _deployment(self, context: Context) -> str:
        """Return the Airflow's name as the run's first task found it: within a run it must not change."""
        with suppress(Exception):
            found = context["ti"].xcom_pull(task_ids=START_TASK, key=DEPLOYMENT_KEY)
            if isinstance(found, str):
                return found
        return deployment()

    def _remember(self, context: Context, error: BaseException) -> None:
        """Keep the error's first line where the run's other tasks and callbacks find it; never fails."""
        with suppress(Exception):
            context["ti"].xcom_push(key=ERROR_KEY, value=first_line(error))


def _has_ended(held: Run, run: Run) -> bool:
    """Return whether the holder is a run of this Airflow, and Airflow knows that it has ended."""
    if (held.deployment, held.dag_id) != (run.deployment, run.dag_id):
        return False
    return run_state(held.dag_id, held.run_id) in ("success", "failed")
