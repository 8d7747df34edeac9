"""An S3 server in bad weather: a share of all requests fails, whichever they are, or everything from some moment on."""

from __future__ import annotations

import random
import time
from typing import Any

from tests.faults.faulty_s3 import Fault, FaultyS3

SLOW_SECONDS = 0.02


class StormyS3(FaultyS3):
    """``share`` of the requests get ``kind``: a status, ``reset``, ``lost reply`` or ``slow``.

    ``broken`` is what every request gets while it is set, ``refused_keys`` whose requests get an expired token.
    ``struck`` counts what was spoiled.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kind: int | str = ""
        self.share = 0.0
        self.broken: int | None = None
        self.after = 0
        self.refused_keys: set[str] = set()
        self.struck = 0
        self._dice = random.Random(3)  # noqa: S311 - no secret

    def weather(self, kind: int | str = "", share: float = 0.0) -> None:
        """Let a share of the requests fail from now on; without arguments the sun shines."""
        self.kind, self.share, self.broken, self.struck = kind, share, None, 0
        self.refused_keys = set()

    def break_after(self, status: int, requests: int) -> None:
        """Answer every request with *status*, when some more have been answered."""
        self.broken, self.after = status, requests

    def _due(self, environ: dict[str, Any], name: str) -> Fault | None:
        if any(f"Credential={key}/" in environ.get("HTTP_AUTHORIZATION", "") for key in self.refused_keys):
            self.struck += 1
            return Fault(name, 400)
        if self.broken is not None:
            self.after -= 1
            if self.after < 0:
                self.struck += 1
                return Fault(name, self.broken)
            return None
        if self._dice.random() >= self.share:
            return super()._due(environ, name)
        self.struck += 1
        if self.kind == "slow":
            time.sleep(SLOW_SECONDS)
            return None
        return Fault(name, self.kind)
