"""Alerts: the right person knows, once, with what they need. docs/alerts.md says which event sends which message.

``on_task_failure`` stands on every task, ``RunFailed`` on the DAG, ``close_run`` is called by a run's last task,
``deadline_missed`` by the triggerer. Nothing here ever changes a task's outcome.
"""

from billing_aggregator.alerts.callbacks import RunFailed, dag_callbacks, on_task_failure
from billing_aggregator.alerts.deadline import deadline_missed
from billing_aggregator.alerts.run_end import close_run

__all__ = ["RunFailed", "close_run", "dag_callbacks", "deadline_missed", "on_task_failure"]
