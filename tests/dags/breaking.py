"""Ways to break a file: each function takes the file's path."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def replaced(make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Return a function that replaces a file by something else."""

    def do(path: Path) -> object:
        path.unlink(missing_ok=True)
        return make(path)

    return do


def a_socket(path: Path) -> None:
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(path.parent)  # the path of a socket is short
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.fchdir(here)
        os.close(here)


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(17 * 1024 * 1024)


def bytes_of(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def loop(path: Path) -> None:
    path.symlink_to(path.name)
