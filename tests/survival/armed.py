"""A project of the tests whose tasks look for kill points, whose retries come at once, which can write nowhere."""

from __future__ import annotations

import os
import shutil
import subprocess
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

#: Of a shell with a command behind the folders: they stay writable, all other files of the root are read-only.
READ_ONLY = """
while [ "$1" != -- ]; do mount --bind "$1" "$1"; shift; done; shift
mount -o remount,bind,ro / && exec "$@"
"""


def read_only_but(*folders: Path) -> list[str]:
    """Return what starts a command with a read-only root file system, as a pod has it; nothing where it cannot be."""
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    command = ["unshare", "--mount", "sh", "-c", READ_ONLY, "sh", *map(str, folders), "--"]
    if os.geteuid() != 0 or subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        return []
    refused = subprocess.run([*command, "touch", str(folders[0].parent / "x")], capture_output=True, check=False)
    assert b"Read-only file system" in refused.stderr
    return command


def arm_project(folder: Path, *, at_once: bool = False) -> None:
    """Let the tasks of a project that was written to *folder* look for kill points.

    :param at_once: a task that has retries has as many as it needs, a second apart.
    """
    shutil.copy(ROOT / "tests/survival/kill_points.py", folder / "plugins/kill_points.py")
    for file in (folder / "dags").glob("*.py"):
        text = file.read_text(encoding="utf-8")
        file.write_text(text + ARMED + (AT_ONCE if at_once else ""), encoding="utf-8")
