"""The names by which the tasks of a run find each other in Airflow: ids of tasks, keys of XComs."""

from __future__ import annotations

# The first and the last task of every run, and the one that changes what readers see.
START_TASK = "start"
FINISH_TASK = "finish"
PUBLISH_TASK = "publish.publish"

# Of the first task: the name of this Airflow, see :mod:`billing_aggregator.runs.deployment`.
DEPLOYMENT_KEY = "deployment"
# Of any task: the first line of a failed try's error, for the alerts and the run's summary.
ERROR_KEY = "error"
# Of a task that runs checks: what became of each of them, also when the task fails.
CHECKS_KEY = "checks"
# Of a task that plans an export: the plan or, in a dry run, what would be published; never both.
PLAN_KEY = "plan"
DRY_RUN_KEY = "dry_run"
# Of a publication that has skipped itself: Airflow skips too, where somebody sets the state of a run.
NOTHING_KEY = "nothing_to_publish"
# Of a feed's run, between its first and its last task: the loop, and the checks behind it.
STREAM_TASK = "stream"
READING_TASK = "reading"
CHECKS_TASK = "checks"
