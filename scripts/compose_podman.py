"""A podman of its own for ``make try-compose``: no image, container, network or setting of this machine is touched.

Images of the official names would otherwise take the place of the real ones. All that podman keeps is in
``build/compose``, and is removed at the end.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "build/compose"
# crun fails where cgroups are hybrid.
SETTINGS = f"""[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
tmp_dir = "{WORK}/state"
[network]
network_backend = "netavark"
network_config_dir = "{WORK}/networks"
"""
STORAGE = f"""[storage]
driver = "overlay"
graphroot = "{WORK}/storage"
runroot = "{WORK}/run"
"""


def run(*command: str, **options: Any) -> str:
    """Run *command* and return what it wrote; raises :class:`RuntimeError` with what it said."""
    done: subprocess.CompletedProcess[str] = subprocess.run(
        command, capture_output=True, text=True, check=False, **options
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {(done.stdout + done.stderr)[-2000:].strip()}")
    return done.stdout


def tell(text: str) -> None:
    """Write one line of progress."""
    sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S} {text}\n")
    sys.stdout.flush()


@contextlib.contextmanager
def own_podman() -> Iterator[None]:
    """Let every podman that is started use settings and storage of its own, and remove all of it at the end.

    Raises :class:`RuntimeError` while another one does.
    """
    WORK.mkdir(parents=True, exist_ok=True)
    with (WORK.parent / "compose.lock").open("w") as lock:
        # Another one's containers must not be taken for what was left behind.
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError("another try-compose is on") from None
        prepare()
        try:
            yield
        finally:
            empty()
            remove()


def prepare() -> None:
    """Write the settings and remove what an earlier run has left that was killed."""
    for variable, name, text in (
        ("CONTAINERS_CONF", "containers.conf", SETTINGS),
        ("CONTAINERS_STORAGE_CONF", "storage.conf", STORAGE),
    ):
        (WORK / name).write_text(text, encoding="utf-8")
        os.environ[variable] = str(WORK / name)
    empty()


def empty() -> None:
    """Remove all containers, volumes, networks and images of this podman."""
    run("podman", "rm", "--all", "--force", "--volumes", "--time", "2")
    run("podman", "volume", "prune", "--force")
    run("podman", "network", "prune", "--force")
    run("podman", "rmi", "--all", "--force")


def remove() -> None:
    """Remove the folder, and what podman has left mounted in it, but nothing of what was mounted from outside."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    for mount in sorted((each for each in mounts if each.startswith(f"{WORK}/")), reverse=True):
        run("umount", mount)
    run("rm", "-rf", "--one-file-system", str(WORK))
