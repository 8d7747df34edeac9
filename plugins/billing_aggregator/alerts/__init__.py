"""Alerts by mail and Slack, one message for each event. docs/alerts.md lists the events and their messages.

``on_task_failure`` is the callback of every task, ``RunFailed`` that of the DAG; a run's last task calls
``alert_run_end`` and the triggerer ``deadline_missed``. Nothing here ever changes a task's outcome.
"""

from billing_aggregator.alerts.callbacks import RunFailed, dag_callbacks, on_task_failure
from billing_aggregator.alerts.deadline import deadline_missed
from billing_aggregator.alerts.run_end import alert_run_end

__all__ = ["RunFailed", "alert_run_end", "dag_callbacks", "deadline_missed", "on_task_failure"]
