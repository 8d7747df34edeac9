"""One open alert for each DAG: the last one that is not resolved. It makes each event one message.

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
# Two tasks that fail at the same moment both write; the one that reads its own mark after a pause sends the alert. The
# pause is a multiple of the time that reading and writing took, so that whoever read before us has written by then.
SETTLE_SECONDS = 1.0
SETTLE_TIMES = 3

# `airflow dags test` runs the run's callback in the process of its tasks, but cannot reach Variables there.
_sent_by_this_process: dict[str, OpenAlert] = {}

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class OpenAlert:
    """An alert that was sent and is not resolved.

    :param attempt: the run and its start: a cleared run starts again and may fail again.
    :param task: the failed task and its try, empty for events of the whole run.
    :param since: when the first alert since the last good run was sent (ISO, UTC).
    :param first_run_id: the run of that first alert.
    :param mark: random; tells apart two tasks that write at the same moment.
    :param business_date: ISO; a run of an earlier date does not resolve the alert.
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

    @property
    def problem(self) -> str:
        """One line: which run had which problem, and when the first alert was sent."""
        what = "missed its deadline" if self.kind == "deadline_missed" else "failed"
        return f"run {self.run_id} {what}; first alert at {self.since}"


def read(dag_id: str) -> OpenAlert | None:
    """Return the DAG's open alert, or None; raises what Airflow raises where Variables cannot be reached."""
    from airflow.sdk import Variable

    raw = Variable.get(VARIABLE + dag_id, default=None)
    if not raw:
        return None
    try:
        return OpenAlert(**json.loads(raw))
    except (TypeError, ValueError):
        # Edited by hand, or written by another version: no reason to suppress a message.
        return None


def reserve(
    dag_id: str, kind: Kind, run_id: str, attempt: str, *, business_date: str = "", task: str = "", try_number: int = 0
) -> bool:
    """Open an alert; return whether the caller is to send it. An event that was alerted is not alerted again.

    Without access to Variables the answer is yes: an alert sent twice is better than none.
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
        if known is not None and _covers(known, kind, attempt, task, try_number):
            log.info("event already alerted", kind=kind, alerted=known.kind, task=known.task)
            return False
        if known is not None:
            alert = replace(alert, since=known.since, first_run_id=known.first_run_id)
        Variable.set(VARIABLE + dag_id, json.dumps(asdict(alert)), description="last alert that is not resolved")
        time.sleep(max(SETTLE_SECONDS, SETTLE_TIMES * (time.monotonic() - began)))
        settled = read(dag_id)
    except Exception as error:  # each way to Airflow's database fails in its own way
        log.warning("open alerts cannot be read, an alert may be sent twice", reason=type(error).__name__)
        known = _sent_by_this_process.get(dag_id)
        if known is not None and _covers(known, kind, attempt, task, try_number):
            return False
        settled = None
    _sent_by_this_process[dag_id] = alert
    return settled is None or settled.mark == mark


def resolve(dag_id: str, business_date: str = "", *, only_of: str | None = None) -> OpenAlert | None:
    """Close the DAG's open alert and return it; None when there was none, or Variables cannot be reached.

    :param business_date: that of the run that succeeded. An alert of a later date stays open: the success of an older
        run that was cleared says nothing about it.
    :param only_of: id of a run: alerts of other runs stay open.
    """
    from airflow.sdk import Variable

    try:
        known = read(dag_id)
        if known is not None and business_date and known.business_date > business_date:
            log.info("the open alert is of a later business date", kind=known.kind, of=known.business_date)
            return None
        if known is not None and only_of not in (None, known.run_id):
            log.info("the open alert is of another run", kind=known.kind, of=known.run_id)
            return None
        if known is not None:
            Variable.delete(VARIABLE + dag_id)
    except Exception as error:  # see reserve()
        log.warning("open alerts cannot be read", reason=type(error).__name__)
        return None
    return known


def alerted(dag_id: str, attempt: str) -> Literal["failure", "deadline", ""]:
    """Return what the open alert says about this attempt: its failure, its missed deadline, or nothing."""
    try:
        known = read(dag_id)
    except Exception:  # see reserve()
        return ""
    if known is None or known.attempt != attempt:
        return ""
    return "deadline" if known.kind == "deadline_missed" else "failure"


def _covers(known: OpenAlert, kind: Kind, attempt: str, task: str, try_number: int) -> bool:
    """Return whether the open alert *known* makes a message about this event superfluous."""
    if known.attempt != attempt:
        return False
    if known.kind == "deadline_missed":
        # The failure of a late run is news; that it is still late is not.
        return kind == "deadline_missed"
    # The first failed task speaks for the run. The same task at a later try was cleared and has failed again.
    return not (task and task == known.task and try_number > known.try_number)
