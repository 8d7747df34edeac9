"""The home folder as libpq finds it."""

from __future__ import annotations

import os
import pwd
from pathlib import Path


def home_folder() -> Path | None:
    """Return ``HOME``, else the user's folder; None for a user that the machine does not know, as in many clusters."""
    home = os.environ.get("HOME")
    if not home:
        try:
            home = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            return None
    return Path(home) if home else None
