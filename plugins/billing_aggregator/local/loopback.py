"""Servers of this machine are reached directly, whatever proxy the environment names for all others."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LOOPBACK = ("localhost", "127.0.0.1", "::1")
# Programs read one or the other; where both are set, most of them prefer the small letters.
NAMES = ("no_proxy", "NO_PROXY")


def loopback_exceptions(environ: Mapping[str, str]) -> dict[str, str]:
    """Return both spellings of ``NO_PROXY``: what *environ* excepts, and this machine."""
    given = [host.strip() for name in NAMES for host in environ.get(name, "").split(",") if host.strip()]
    hosts = ",".join(dict.fromkeys(["*"] if "*" in given else [*given, *LOOPBACK]))
    return dict.fromkeys(NAMES, hosts)


@contextmanager
def direct_loopback() -> Iterator[None]:
    """Let this process and what it starts reach servers of this machine directly."""
    before = {name: os.environ.get(name) for name in NAMES}
    os.environ.update(loopback_exceptions(os.environ))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
