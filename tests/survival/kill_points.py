"""Points of a night at which a task process kills itself; loaded in the process of a task, by Airflow or by the tests.

A point is armed by a file of its name in a folder; it fires once: the file is renamed, then the process gets SIGKILL.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Point(NamedTuple):
    """Where it is: before or behind the *nth* call of a function in a process of the tasks whose ids begin so."""

    name: str
    task: str
    function: str
    before: bool = False
    nth: int = 1


PACKAGE = "billing_aggregator."
# Every test's publication has at least so many files.
FILES = 3
_SCRIPT = "operators.sql_script:run_script"
_COMMIT = "runs.table_guard:TableGuard.end"
POINTS = (
    Point("before lock", "start", "runs.lock:acquire", before=True),
    Point("behind lock", "start", "runs.lock:acquire"),
    Point("behind the record of the start", "start", "runs.run_records:record_start"),
    Point("before check", "prechecks", "sql.check_phase:CheckPhase.run", before=True),
    Point("behind check", "prechecks", "sql.check_phase:CheckPhase.run"),
    Point("before script", "init", _SCRIPT, before=True),
    Point("before the commit of a script", "init", _COMMIT),
    Point("behind script", "init", _SCRIPT),
    Point("behind audit", "audits", "sql.check_phase:CheckPhase.run"),
    Point("before the commit of the release", "release", _COMMIT),
    Point("behind release", "release", _SCRIPT),
    Point("before the commit of post", "post", _COMMIT),
    Point("behind post", "post", _SCRIPT),
    Point("before plan", "export", "operators.export_plan:plan_export", before=True),
    Point("behind a frozen query", "export", "export.plan.planner:freeze_query"),
    Point("behind an opened upload", "export", "export.store.s3_store:S3Store.start"),
    Point("behind plan", "export", "operators.export_plan:plan_export"),
    Point("before part", "export", "export.store.s3_store:S3Store.write_part", before=True),
    Point("behind part", "export", "export.store.s3_store:S3Store.write_part"),
    Point("behind the parts of a task", "export", "operators.export_chunks:export_chunks"),
    Point("before the publication's lock", "publish", "export.publish.lock:PublishLock.__enter__", before=True),
    Point("behind the publication's lock", "publish", "export.publish.lock:PublishLock.__enter__"),
    Point("before verify", "publish", "export.publish.commit:_verify", before=True),
    Point("behind verify", "publish", "export.publish.commit:_verify"),
    Point("before a completed upload", "publish", "export.store.s3_store:S3Store.complete", before=True),
    *(
        Point(f"behind completed upload {nth}", "publish", "export.store.s3_store:S3Store.complete", nth=nth)
        for nth in range(1, FILES + 1)
    ),
    Point("before stale files", "publish", "export.publish.commit:_remove_stale", before=True),
    Point("behind stale files", "publish", "export.publish.commit:_remove_stale"),
    Point("before manifest", "publish", "export.publish.commit:_put_manifest", before=True),
    Point("behind manifest", "publish", "export.publish.commit:_put_manifest"),
    Point("behind the record of the publication", "publish", "runs.run_records:record_publication"),
    Point("before history", "history", _SCRIPT, before=True),
    Point("before the commit of history", "history", _COMMIT),
    Point("behind history", "history", _SCRIPT),
    Point("before cleanup", "cleanup", _SCRIPT, before=True),
    Point("behind cleanup", "cleanup", _SCRIPT),
    Point("before finish", "finish", "runs.run_records:record_end", before=True),
    Point("behind the record of the end", "finish", "runs.run_records:record_end"),
    Point("behind the lock's release", "finish", "runs.lock:release"),
)
NAMES = tuple(point.name for point in POINTS)


def light(folder: Path, *names: str) -> None:
    """Arm points for the processes that look into *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def fired(folder: Path) -> set[str]:
    """Return the points at which a process has died."""
    return {path.stem for path in folder.glob("*.fired")}


def arm(folder: Path, task_id: str) -> None:
    """Make this process die at the armed points of its task, whichever it meets first."""
    for point in POINTS:
        if task_id.startswith(point.task) and (folder / point.name).exists():
            _wrap(point, folder)


def _wrap(point: Point, folder: Path) -> None:
    module, _, path = point.function.partition(":")
    owner: Any = import_module(PACKAGE + module)
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    setattr(owner, name, _deadly(getattr(owner, name), point, folder))


def _deadly(function: Callable[..., Any], point: Point, folder: Path) -> Callable[..., Any]:
    lock = threading.Lock()
    calls = 0

    def die() -> None:
        nonlocal calls
        with lock:
            calls += 1
            if calls != point.nth:
                return
            # Another process may have died here already: each point fires once.
            with suppress(FileNotFoundError):
                (folder / point.name).rename(folder / f"{point.name}.fired")
                os.kill(os.getpid(), signal.SIGKILL)

    @wraps(function)
    def deadly(*arguments: Any, **options: Any) -> Any:
        if point.before:
            die()
            return function(*arguments, **options)
        try:
            return function(*arguments, **options)
        finally:
            # Also behind a call that was refused, such as a second completion.
            die()

    return deadly


def arm_from_environment(dag_id: str | None, task_id: str | None) -> None:
    """Arm what ``KILL_POINTS/<dag id>`` says; called at the end of a DAG file, which a task's process reads."""
    if dag_id and task_id and "KILL_POINTS" in os.environ:
        arm(Path(os.environ["KILL_POINTS"]) / dag_id, task_id)
