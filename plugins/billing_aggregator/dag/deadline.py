"""The deadline of a run: unless it is published so many minutes after its scheduled start, an alert is sent.

Airflow 3.3 watches it during the run. Everywhere else the run's last task checks it at the end (see
:mod:`billing_aggregator.alerts.run_end`): Airflow 3.2 loses deadlines when a DAG changes, and ``airflow dags test``
evaluates none and ends with status 1 when the DAG has one.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from airflow import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from billing_aggregator.config import ClientConfig

FIRST_WITH_DEADLINES = (3, 3)
# By name: the scheduler need not import it, the triggerer must be able to.
CALLBACK = "billing_aggregator.alerts.deadline_missed"


def deadline(config: ClientConfig) -> dict[str, Any]:
    """Return the DAG's argument ``deadline``; nothing where Airflow cannot keep one.

    It counts from the moment the run is queued: for scheduled runs that is the scheduled start, and manual runs have no
    logical date to count from. The callback is asynchronous because a synchronous one stops the scheduler where the
    executor runs no callbacks (Kubernetes).
    """
    if config.deadline_minutes is None or not supported() or is_dag_test(sys.argv):
        return {}
    from airflow.sdk.definitions.callback import AsyncCallback  # noqa: PLC0415 - not in every Airflow 3
    from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference  # noqa: PLC0415 - as above

    alert = DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        # Seconds, not a timedelta: Airflow stores a timedelta as a mapping, which it cannot add up when a run is
        # cleared (apache/airflow#70368). It reads a number as seconds, because its older versions wrote them so.
        interval=cast("timedelta", config.deadline_minutes * 60),
        # Only what the entry sets: the triggerer adds the defaults when it validates it.
        callback=AsyncCallback(CALLBACK, kwargs={"config": config.model_dump(mode="json", exclude_unset=True)}),
        name=f"published within {config.deadline_minutes} minutes",
    )
    return {"deadline": alert}


def supported() -> bool:
    """Return whether this Airflow keeps deadlines reliably."""
    return tuple(int(part) for part in __version__.split(".")[:2]) >= FIRST_WITH_DEADLINES


def is_dag_test(arguments: Sequence[str]) -> bool:
    """Return whether *arguments* are those of ``airflow dags test``, typed or by ``python -m airflow``."""
    program, *words = arguments or [""]
    by_airflow = Path(program).name == "airflow" or Path(program).parent.name == "airflow"
    return by_airflow and words[:2] == ["dags", "test"]
