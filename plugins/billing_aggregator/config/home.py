"""The home folder, which a container may not have."""

from __future__ import annotations

import os
import pwd
from pathlib import Path


def home_folder() -> Path | None:
    """Return ``HOME``, else the user's folder; None for a user unknown to the machine, as in many clusters."""
    home = os.environ.get("HOME")
    if not home:
        try:
            home = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            return None
    return Path(home) if home else None


def is_writable(folder: Path) -> bool:
    """Return whether files can be created in *folder*, which may have to be created first."""
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    return os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)
