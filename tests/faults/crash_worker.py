"""Runs exports in forked children that kill themselves at a given step; started by test_crashes.py.

Reads commands as JSON lines: {"dsn", "target", "s3", "client", "run", "options", "kill": [step, "before" | "after"] or
null, "kept": folder}. Writes one JSON line for each: {"status": of the child, "steps": calls of the store by then}.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import psycopg

from billing_aggregator.config.export_options import ExportOptions
from billing_aggregator.export.copy.chunk import ChunkState, export_chunks
from billing_aggregator.export.keys import ExportRun
from billing_aggregator.export.plan.export_plan import ExportPlan
from billing_aggregator.export.plan.planner import Export, plan_export
from billing_aggregator.export.publish.commit import publish
from billing_aggregator.export.store.factory import open_store
from billing_aggregator.s3.defaults import client_config

BOOK = Export("book", table=("public", "book"))
SESSION = boto3.session.Session()


class Doomed:
    """A store in which the process dies at one of its calls, before or after it."""

    def __init__(self, store: Any, kill: list[Any] | None, kept: Path) -> None:
        self._store = store
        self._kill = kill
        self._log = kept / "steps"
        self._lock = threading.Lock()
        self.steps = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name in {"url", "use"}:  # neither asks the store
            return method

        def call(*arguments: Any) -> Any:
            with self._lock:
                self.steps += 1
                step = self.steps
                with self._log.open("a") as log:
                    log.write(name + "\n")
            if self._kill == [step, "before"]:
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                result = method(*arguments)
                return iter(list(result)) if name in {"keys", "open_uploads"} else result
            finally:
                # Also after a call that was refused, such as a false condition.
                if self._kill == [step, "after"]:
                    os.kill(os.getpid(), signal.SIGKILL)

        return call


def s3_client(url: str) -> Any:
    """Return a client; the session keeps the service's description, so that children start quickly."""
    return SESSION.client(
        "s3",
        endpoint_url=url,
        region_name="eu-central-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=client_config(),
    )


def run_tasks(command: dict[str, Any]) -> None:
    """Do what is not done yet, as Airflow would: a task's result is stored when the task has ended."""
    kept = Path(command["kept"])
    kept.mkdir(parents=True, exist_ok=True)

    def s3() -> Any:
        return s3_client(command["s3"])

    store: Any = Doomed(open_store(command["target"], s3), command["kill"], kept)
    run = ExportRun(command["target"], command["client"], "prod", "2026-01-31", command["run"])
    options = ExportOptions.model_validate(command["options"])

    def connect() -> Any:
        return psycopg.connect(command["dsn"])

    def once(name: str, work: Any) -> Any:
        result = kept / f"{name}.json"
        if not result.exists():
            temporary = kept / "result"
            temporary.write_text(json.dumps(work()))
            temporary.rename(result)
        return json.loads(result.read_text())

    with connect() as connection:
        plan = ExportPlan.from_json(
            once("plan", lambda: plan_export(connection, store, run, BOOK, options, timeout=60).to_json())
        )
        states = []
        for chunk in plan.chunks:
            work = partial(export_chunks, connection, store, plan, [chunk.index], timeout=60)
            states += once(f"chunk{chunk.index}", lambda work=work: [state.to_json() for state in work()])
    publish(connect, store, [plan], [ChunkState.from_json(state) for state in states], timeout=60, lock_wait=0)
    (kept / "published").touch()


def main() -> None:
    s3_client("http://127.0.0.1:1")
    for line in sys.stdin:
        command = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                run_tasks(command)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        steps = Path(command["kept"]) / "steps"
        said = steps.read_text().split() if steps.exists() else []
        print(json.dumps({"status": os.waitstatus_to_exitcode(status), "steps": said}), flush=True)


if __name__ == "__main__":
    main()
