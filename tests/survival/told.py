"""What an attempt is told instead of by Airflow: states of runs and tasks, the deployment's name, a wrong clock."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.survival.night_child import Attempt


def answer_for_airflow(attempt: Attempt) -> None:
    """Let what asks Airflow about runs and tasks get this attempt's answers."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    from billing_aggregator.operators import run_aware

    order = attempt.order

    def run_state(_dag: str, run_id: str, *_: Any, **__: Any) -> str:
        return "success" if run_id in order.ended else "running"

    def task_states(_dag: str, run_ids: list[str], **_: Any) -> dict[str, Any]:
        return {run_ids[0]: attempt.states()}

    told: Any = RuntimeTaskInstance
    told.get_dagrun_state = staticmethod(run_state)
    told.get_task_states = staticmethod(task_states)
    names: Any = run_aware
    names.deployment = lambda: order.deployment


def set_clock(seconds: int) -> None:
    """Make this process's clock wrong by *seconds*, from now on."""
    # Where the package asks what time it is.
    import time as real_time

    from billing_aggregator.operators import finish_run
    from billing_aggregator.runs import params

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.fromtimestamp(real_time.time() + seconds, tz)

    modules: tuple[Any, ...] = (params, finish_run)
    for module in modules:
        module.datetime = Wrong if seconds else datetime
