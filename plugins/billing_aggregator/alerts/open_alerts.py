"""One open alert for each DAG: what was told last and not yet resolved. It makes each event one message.

It is the Airflow Variable ``billing_alert__<dag id>`` (JSON), which workers, triggerer and dag processor can all read
and write, also while the warehouse is down. A successful run resolves it.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import structlog

if TYPE_CHECKING:
    from billing_aggregator.alerts.events import Kind

VARIABLE = "billing_alert__"
# Two tasks that fail at the same moment both write; the one that finds its own mark after a pause tells. The pause is
# at least this long, and several times as long as reading and writing took: whoever read before us has written then.
SETTLE_SECONDS = 1.0
SETTLE_TIMES = 3

# `airflow dags test` runs the run's callback in the process of its tasks, but without a way to Variables.
_told_here: dict[str, OpenAlert] = {}

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class OpenAlert:
    """What was told.

    :param attempt: the run and its start: a cleared run starts again and may fail again.
    :param task: the failed task and its try, empty for events of the whole run.
    :param since: when the first alert of the unresolved row was opened (ISO, UTC).
    :param first_run_id: the run of that first alert.
    :param business_date: ISO; what was told of this day, a run of an earlier one does not resolve.
    """

    kind: Kind
    run_id: str
    attempt: str
    task: str
    try_number: int
    since: str
    first_run_id: str
    mark: str
    business_date: str = ""


def read(dag_id: str) -> OpenAlert | None:
    """Return the DAG's open alert, or None; raises what Airflow raises where Variables cannot be reached."""
    from airflow.sdk import Variable

    raw = Variable.get(VARIABLE + dag_id, default=None)
    if not raw:
        return None
    try:
        return OpenAlert(**json.loads(raw))
    except (TypeError, ValueError):
        # Edited by hand, or written by another version: it cannot be trusted to keep a message back.
        return None


def reserve(
    dag_id: str, kind: Kind, run_id: str, attempt: str, *, business_date: str = "", task: str = "", try_number: int = 0
) -> bool:
    """Return whether the caller is to tell this event; what was told before stays untold now.

    Without access to Variables the answer is yes: rather twice than never.
    """
    from airflow.sdk import Variable

    mark = secrets.token_hex(8)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    alert = OpenAlert(
        kind=kind, run_id=run_id, attempt=attempt, task=task, try_number=try_number, mark=mark, since=now,
        first_run_id=run_id, business_date=business_date,
    )  # fmt: skip
    began = time.monotonic()
    try:
        known = read(dag_id)
        if known is not None and _told(known, kind, attempt, task, try_number):
            log.info("alert was told before", kind=kind, told=known.kind, task=known.task)
            return False
        if known is not None:
            alert = replace(alert, since=known.since, first_run_id=known.first_run_id)
        Variable.set(VARIABLE + dag_id, json.dumps(asdict(alert)), description="last alert that is not resolved")
        time.sleep(max(SETTLE_SECONDS, SETTLE_TIMES * (time.monotonic() - began)))
        settled = read(dag_id)
    except Exception as error:  # each way to Airflow's database fails in its own way
        log.warning("alerts cannot be told apart", reason=type(error).__name__)
        known = _told_here.get(dag_id)
        if known is not None and _told(known, kind, attempt, task, try_number):
            return False
        settled = None
    _told_here[dag_id] = alert
    return settled is None or settled.mark == mark


def resolve(dag_id: str, business_date: str = "") -> OpenAlert | None:
    """Close the DAG's open alert and return it; None when there was none, or Variables cannot be reached.

    :param business_date: that of the run that is well. An alert of a later day stays open: an older run that was
        cleared and is well now mends nothing of it.
    """
    from airflow.sdk import Variable

    try:
        known = read(dag_id)
        if known is not None and business_date and known.business_date > business_date:
            log.info("the open alert is of a later business date", told=known.kind, of=known.business_date)
            return None
        if known is not None:
            Variable.delete(VARIABLE + dag_id)
    except Exception as error:  # see reserve()
        log.warning("open alerts cannot be read", reason=type(error).__name__)
        return None
    return known


def told_in(dag_id: str, attempt: str) -> Literal["failure", "deadline", ""]:
    """Return what was told of this attempt: its failure, its missed deadline, or nothing."""
    try:
        known = read(dag_id)
    except Exception:  # see reserve()
        return ""
    if known is None or known.attempt != attempt:
        return ""
    return "deadline" if known.kind == "deadline_missed" else "failure"


def _told(known: OpenAlert, kind: Kind, attempt: str, task: str, try_number: int) -> bool:
    if known.attempt != attempt:
        return False
    if known.kind == "deadline_missed":
        # A late run that fails then is news; that it is late is not.
        return kind == "deadline_missed"
    # The first failed task speaks for the run. The same task at a later try was cleared and has failed again.
    return not (task and task == known.task and try_number > known.try_number)
