"""What every operator here shares: one ``execute``, one database session at a time, one ``on_kill``."""

from __future__ import annotations

from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar, final

from airflow.sdk import BaseOperator

from billing_aggregator.operators.task_errors import task_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk.definitions.context import Context

    from billing_aggregator.postgres.protocols import Session

SessionT = TypeVar("SessionT", bound="Session")


class WorkOperator(BaseOperator):
    """Base of the operators: :meth:`execute` is the same for all, a subclass says in :meth:`work` what its task does.

    Name it before an operator of a provider in a class's bases: then this ``execute`` is the one that Airflow calls.
    """

    # Whether Airflow told the task to stop. A task that fails by itself was not killed.
    killed = False
    # The innermost open session: what on_kill cancels.
    _session: Session | None = None

    @final
    def execute(self, context: Context) -> Any:
        """Do the work within :meth:`around_work`; subclasses define these two."""
        with self.around_work(context):
            return self.work(context)

    def work(self, context: Context) -> Any:
        """Do what the task is for; what it returns becomes the task's XCom."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its work is")

    @contextmanager
    def around_work(self, context: Context) -> Iterator[None]:
        """Surround the work; every failure of the task passes through here."""
        with task_errors():
            yield

    @contextmanager
    def session(self, session: SessionT) -> Iterator[SessionT]:
        """Yield *session*, which is cancelled when the task fails or is told to stop, and closed in any case."""
        with closing(session):
            outer, self._session = self._session, session
            try:
                yield session
            except BaseException:
                self._cancel()
                raise
            finally:
                self._session = outer

    def on_kill(self) -> None:
        """Cancel the running statement of a task that is told to stop: by a time-out, a person, or its run's end."""
        self.killed = True
        self._cancel()
        super().on_kill()

    def _cancel(self) -> None:
        # The statement may have ended already; a failed cancel must not hide why the task fails.
        with suppress(Exception):
            if self._session is not None and not self._session.closed:
                self._session.cancel()
