"""Reads SQL files byte for byte: no template engine, no change of line ends. Errors are one line each."""

from __future__ import annotations

import errno
import os
import re
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 16 * 1024 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Transient (a network file system, too many open files); everything else is terminal.
PASSING = frozenset({errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR})
KINDS = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"))


class SourceFileError(ValueError):
    """An SQL file or folder cannot be used; the message names it and the way out."""


def read_sql(path: Path) -> str:
    """Return the text of an SQL file, unchanged.

    :raises SourceFileError: it is not a readable file, or not UTF-8 text.
    """
    return decoded(path, read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """Return the content of a file; never waits for a pipe or a device.

    :raises SourceFileError: there is no such file, it may not be read, or it is not a regular file.
    """
    try:
        # Checked before it is opened: opening a device may have an effect.
        _check_kind(path, os.stat(path))
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SourceFileError(f"{printable(path)}: {_reason(path, error)}") from (
            error if error.errno in PASSING else None
        )
    if len(content) > MAX_BYTES:
        raise SourceFileError(
            f"{printable(path)}: holds more than {MAX_BYTES:,} bytes; SQL files should not contain data"
        )
    return content


def decoded(path: Path, content: bytes) -> str:
    """Return *content* as text; raises :class:`SourceFileError` with the place that is not plain UTF-8."""
    if content.startswith(BYTE_ORDER_MARK):
        raise SourceFileError(f"{printable(path)}: starts with a byte order mark; save the file as UTF-8 without BOM")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SourceFileError(
            f"{printable(path)}, line {line}: byte {error.start} is not UTF-8; save the file as UTF-8"
        ) from None
    at = content.find(b"\0")
    if at >= 0:
        line = content.count(b"\n", 0, at) + 1
        raise SourceFileError(
            f"{printable(path)}, line {line}: byte {at} is NUL, which is not allowed in text; remove it"
        )
    return text


def leads_out(path: Path, root: Path) -> str:
    """Return what is wrong with a file or folder that lies outside of *root* though its path does not; else nothing.

    SQL runs with all rights of the aggregator: a link must not bring in a file that nobody has reviewed with the rest.
    *root* itself may be a link, as it is where git-sync or a ConfigMap puts it.
    """
    found = os.path.realpath(path)
    inside = os.path.realpath(root)
    if found == inside or found.startswith(inside + os.sep):
        return ""
    return (
        f"{printable(path)}: leads to {printable(found)}, outside of {printable(root)}; SQL is read from this folder "
        "only: put a copy of the file in it, or a link to another file in it"
    )


def is_folder(path: Path) -> bool:
    """Return whether *path* is a folder; False when it does not exist.

    :raises SourceFileError: it exists and is not a readable folder.
    """
    try:
        found = os.stat(path)
    except FileNotFoundError as error:
        if not path.is_symlink():
            return False
        raise SourceFileError(f"{printable(path)}: {_reason(path, error)}") from None
    except OSError as error:
        raise SourceFileError(f"{printable(path)}: {_reason(path, error)}") from None
    if not stat.S_ISDIR(found.st_mode):
        raise SourceFileError(f"{printable(path)}: is not a folder; remove or rename it")
    return True


def entries(folder: Path) -> list[Path]:
    """Return what is in *folder*, sorted; raises :class:`SourceFileError` when it may not be read."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise SourceFileError(f"{printable(folder)}: {_reason(folder, error)}") from None


def printable(path: Path | str) -> str:
    r"""Return a path for a message: one line of valid text, odd bytes and control characters as ``\xNN``."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", lambda match: f"\\x{ord(match[0]):02x}", text)


def _check_kind(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = next((words for is_kind, words in KINDS if is_kind(found.st_mode)), "a device")
        raise SourceFileError(f"{printable(path)}: is {kind}, not a file; remove or rename it")


def _reason(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        if path.is_symlink():
            return f"is a link to {printable(os.readlink(path))}, which does not exist; fix or remove the link"
        return "not found"
    if error.errno == errno.ELOOP:
        return "is a link that leads back to itself; fix or remove the link"
    if isinstance(error, PermissionError):
        return f"may not be read by user {os.geteuid()}; give the user of Airflow the right to read it"
    return f"cannot be read: {error.strerror}"
