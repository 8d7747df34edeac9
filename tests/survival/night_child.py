"""One attempt at a run of a night, in a process of its own: the real DAG's tasks, one after the other.

What a task returned and pushed is stored when it has ended, as Airflow does: an attempt that is killed loses the task
that was running, and the next one goes on with that task. A failed run is cleared from its failed tasks on, and with
them its first and its last task, as the runbook says.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from billing_aggregator.night.phases import DAG_PHASES
from tests.survival import kill_points
from tests.survival.told import set_clock

if TYPE_CHECKING:
    from airflow.sdk import DAG

DONE = ("success", "skipped")


@dataclass
class Order:
    """What an attempt is to do.

    :param kept: folder of the run, which its attempts share.
    :param config: of the client.
    :param moment: the run's logical date, ISO with zone.
    :param points: folder of kill points.
    :param deployment: the Airflow that the run belongs to.
    :param ended: ids of runs of this DAG that Airflow knows to have ended.
    :param until: the task before which the attempt ends.
    :param only: the one task that it runs; what it returns is lost, as of a process that Airflow has given up.
    :param cleared: the phase, ``init`` or ``export``, whose tasks somebody has cleared with everything downstream.
    :param first_try: number of each task's first try; a later attempt counts on, as Airflow does.
    :param begun_before: seconds since when its tasks are running, for a process that hung.
    :param clock: beginning of a task's id -> seconds that its machine's clock is wrong.
    """

    kept: str
    config: dict[str, Any]
    run_id: str
    moment: str
    params: dict[str, Any] = field(default_factory=dict)
    points: str = ""
    deployment: str = "airflow-one"
    retries: int = 0
    ended: list[str] = field(default_factory=list)
    until: str = ""
    only: str = ""
    cleared: str = ""
    first_try: int = 1
    begun_before: float = 0
    clock: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(asdict(self))


class Attempt:
    """Runs the tasks that have not ended, and remembers their states and XComs in files."""

    def __init__(self, order: Order) -> None:
        from billing_aggregator.config import ClientConfig
        from billing_aggregator.dag.build import build_dag
        from billing_aggregator.night import read_night

        self.order = order
        self.config = ClientConfig(**order.config)
        self.dag: DAG = build_dag(read_night(self.config))
        self.kept = Path(order.kept)
        self.kept.mkdir(parents=True, exist_ok=True)
        self._clear_what_failed()

    def run(self) -> bool:
        """Run what is left; return whether the run has succeeded."""
        for task in self.dag.topological_sort():
            if self.order.until and task.task_id == self.order.until:
                return True
            blocked = [name for name in task.upstream_task_ids if self.state(name) in ("failed", "upstream_failed")]
            if self.order.only:
                if task.task_id != self.order.only:
                    continue
            elif self.state(task.task_id) in DONE:
                continue
            # A teardown runs whatever has failed, but not for a setup that has failed.
            if blocked and (not task.is_teardown or (task.task_id == "finish" and self.state("start") != "success")):
                self._keep(task.task_id, "upstream_failed", {})
                continue
            for name, operator in self._operators(task):
                if self.order.only or self.state(name) not in DONE:
                    self._run(name, operator)
            self._sum_up(task.task_id)
        return not any(state == "failed" for state in self.states().values())

    def _operators(self, task: Any) -> list[tuple[str, Any]]:
        """Return name and operator of each task instance; a mapped task has one for each unit of its plan."""
        if is_mapped(task):
            plan = task.task_id.rpartition(".")[0] + ".plan"
            units = self.xcoms(plan).get("return_value") or []
            found = [(f"{task.task_id}_{index}", task.unmap({"unit": unit})) for index, unit in enumerate(units)]
            for _, operator in found:
                operator.plan = self.xcoms(plan)["plan"]
            return found
        if task.task_id == "publish.publish":
            chunks = [other.task_id for other in self.dag.tasks if is_mapped(other)]
            task.states = [value for name in chunks for value in self.pull(name, "return_value") or ()]
        elif hasattr(task, "sql") or hasattr(task, "query_name"):
            task.render_template_fields(self._context(task.task_id, {}))
        return [(task.task_id, task)]

    def _run(self, name: str, operator: Any) -> None:
        from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

        if self.order.points:
            kill_points.arm(Path(self.order.points), name)
        set_clock(next((late for start, late in self.order.clock.items() if name.startswith(start)), 0))
        for attempt in range(self.order.retries + 1):
            pushed: dict[str, Any] = {}
            context = self._context(name, pushed, self._next_try(name, attempt))
            try:
                operator.pre_execute(context)
                pushed["return_value"] = operator.execute(context)
                self._keep(name, "success", pushed)
                return
            except AirflowSkipException:
                self._keep(name, "skipped", pushed)
                return
            except Exception as error:
                with (self.kept / "errors").open("a", encoding="utf-8") as log:
                    log.write(f"{name}: {type(error).__name__}: {error}\n")
                if isinstance(error, AirflowFailException) or attempt == self.order.retries:
                    self._keep(name, "failed", pushed)
                    return

    def _next_try(self, name: str, attempt: int) -> int:
        """Return the number of a task's try, and keep it; a process that was given up has its own."""
        if self.order.only:
            return self.order.first_try + attempt
        path = self.kept / f"{name}.try"
        last = int(path.read_text(encoding="utf-8")) if path.exists() else 0
        number = max(last + 1, self.order.first_try)
        path.write_text(str(number), encoding="utf-8")
        return number

    def _sum_up(self, task_id: str) -> None:
        """Give a mapped task the worst state of its instances."""
        states = {self.state(path.stem) for path in self.kept.glob(f"{task_id}_*.json")}
        if states:
            self._keep(task_id, "failed" if "failed" in states else "success", {})

    def _context(self, name: str, pushed: dict[str, Any], number: int = 1) -> Any:
        moment = datetime.fromisoformat(self.order.moment)
        params = {
            "systems": list(self.config.active_systems),
            "ignore_systems": [],
            "business_date": None,
            "dry_run": False,
            "max_rows_per_file": self.config.max_rows_per_file,
        }
        return {
            "run_id": self.order.run_id,
            "ti": SimpleNamespace(
                task_id=name,
                try_number=number,
                start_date=datetime.now(UTC) - timedelta(seconds=self.order.begun_before),
                map_index=-1,
                log_url="",
                xcom_pull=lambda task_ids, key="return_value", **_: self.pull(task_ids, key),
                xcom_push=lambda key, value: pushed.update({key: value}),
            ),
            "dag": self.dag,
            "dag_run": SimpleNamespace(
                conf=self.order.params, logical_date=moment, run_after=moment, start_date=datetime.now(UTC),
                run_id=self.order.run_id, dag_id=self.dag.dag_id, run_type="manual",
            ),
            "params": params | self.order.params,
            "outlet_events": defaultdict(SimpleNamespace),
        }  # fmt: skip

    def pull(self, task_id: str, key: str) -> Any:
        """Return an XCom: a list of those of a mapped task."""
        instances = sorted(self.kept.glob(f"{task_id}_*.json"), key=lambda path: int(path.stem.rpartition("_")[2]))
        if instances:
            return [json.loads(path.read_text(encoding="utf-8"))["xcoms"].get(key) for path in instances]
        return self.xcoms(task_id).get(key)

    def xcoms(self, task_id: str) -> dict[str, Any]:
        path = self.kept / f"{task_id}.json"
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["xcoms"] if path.exists() else {}
        return found

    def state(self, name: str) -> str:
        path = self.kept / f"{name}.json"
        return str(json.loads(path.read_text(encoding="utf-8"))["state"]) if path.exists() else ""

    def states(self) -> dict[str, str]:
        return {path.stem: self.state(path.stem) for path in self.kept.glob("*.json")}

    def _keep(self, name: str, state: str, xcoms: dict[str, Any]) -> None:
        if self.order.only:
            return
        temporary = self.kept / f"{name}.{os.getpid()}"
        temporary.write_text(json.dumps({"state": state, "xcoms": xcoms}), encoding="utf-8")
        temporary.rename(self.kept / f"{name}.json")

    def _clear_what_failed(self) -> None:
        if self.order.only:
            return
        states = self.states()
        if self.order.cleared:
            # With their setup, the first task of all.
            done = DAG_PHASES[1 : DAG_PHASES.index(self.order.cleared)]
            for name in states:
                if name.partition(".")[0] not in done:
                    (self.kept / f"{name}.json").unlink()
            return
        if "finish" not in states:
            return
        # Airflow clears a task with its setup and teardown.
        again = {name for name, state in states.items() if state in ("failed", "upstream_failed")}
        if again:
            for name in again | {"start", "finish", "publish.abort_uploads"}:
                (self.kept / f"{name}.json").unlink(missing_ok=True)


def is_mapped(task: Any) -> bool:
    """Return whether Airflow makes an instance of the task for each unit of another one's result."""
    from airflow.sdk.definitions.mappedoperator import MappedOperator

    return isinstance(task, MappedOperator)
