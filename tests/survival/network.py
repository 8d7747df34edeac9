"""A data centre with a network of its own, whose cable can be pulled: packets are lost, nobody is told."""

from __future__ import annotations

import ctypes
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

import psycopg

from billing_aggregator.local.postgres import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
CLONE_NEWNET = 0x40000000
HERE, THERE = "10.231.77.1", "10.231.77.2"
OPEN = f"host all all {HERE}/32 trust\n"


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


def possible() -> str:
    """Return why this machine cannot have such a network; empty when it can."""
    if os.geteuid() != 0:
        return "only root may make a network namespace"
    try:
        _ip("netns", "list")
        subprocess.run(["unshare", "--net", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"this machine cannot make a network namespace: {error}"
    return ""


class Network:
    """A network namespace that is reached at :data:`THERE`, by one cable."""

    def __init__(self) -> None:
        self._name = f"bda-{os.getpid()}"
        self._here, self._there = f"bdah{os.getpid()}", f"bdat{os.getpid()}"
        # Its one thread has moved into the namespace; what is opened there stays there.
        self._inside = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        _ip("netns", "add", self._name)
        try:
            _ip("link", "add", self._here, "type", "veth", "peer", "name", self._there, "netns", self._name)
            _ip("address", "add", f"{HERE}/30", "dev", self._here)
            _ip("link", "set", self._here, "up")
            for command in (("address", "add", f"{THERE}/30", "dev", self._there), ("link", "set", "lo", "up")):
                _ip("-netns", self._name, *command)
            self.plug()
            self._inside.submit(self._move).result()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._inside.shutdown()
        _ip("netns", "delete", self._name)

    def _move(self) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        with Path("/var/run/netns", self._name).open("rb") as namespace:
            if library.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def inside(self, work: Callable[[], T]) -> T:
        """Do *work* in the namespace: its sockets and processes are there."""
        return self._inside.submit(work).result()

    def plug(self) -> None:
        _ip("-netns", self._name, "link", "set", self._there, "up")

    def pull(self) -> None:
        """Lose every packet from now on, in both directions."""
        _ip("-netns", self._name, "link", "set", self._there, "down")


def start_postgres(network: Network) -> EmbeddedPostgres:
    """Start a server in the namespace that this machine may connect to."""
    server = EmbeddedPostgres(options={"listen_addresses": THERE})
    network.inside(server.start)
    socket = f"host={server.log.parent} port={server.port} user={server.superuser} dbname=postgres"
    with psycopg.connect(socket, autocommit=True) as admin:
        (file,) = admin.execute("show hba_file").fetchone() or ("",)
        with Path(file).open("a", encoding="utf-8") as rules:
            rules.write(OPEN)
        admin.execute("select pg_reload_conf()")
    server.host = THERE
    return server
