"""A project of the tests whose tasks look for kill points; and one whose retries come at once."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

# Behind the real DAG file, which a task's process reads.
ARMED = """

import kill_points
from airflow.sdk import DAG, get_parsing_context

_context = get_parsing_context()
kill_points.arm_from_environment(_context.dag_id, _context.task_id)
"""
AT_ONCE = """
for _dag in [value for value in globals().values() if isinstance(value, DAG)]:
    for _task in _dag.tasks:
        _task.retry_exponential_backoff = False
        if _task.retries:
            _task.retries = 99
"""


def arm_project(folder: Path, *, at_once: bool = False) -> None:
    """Let the tasks of a project that was written to *folder* look for kill points.

    :param at_once: a task that has retries has as many as it needs, a second apart.
    """
    shutil.copy(ROOT / "tests/survival/kill_points.py", folder / "plugins/kill_points.py")
    for file in (folder / "dags").glob("*.py"):
        text = file.read_text(encoding="utf-8")
        file.write_text(text + ARMED + (AT_ONCE if at_once else ""), encoding="utf-8")
