"""Finds ``include/``: beside ``dags/`` in the repository, the image and Compose, inside ``dags/`` on MWAA."""

from __future__ import annotations

import os
from pathlib import Path


class IncludeNotFoundError(FileNotFoundError):
    """No ``include/`` was found; the message lists every place that was searched."""


def include_candidates() -> list[Path]:
    """Return the folders that may be ``include/``, in the order of search."""
    package = Path(__file__).resolve().parents[1]
    root = package.parents[1]
    candidates = [root / "include", root / "dags" / "include", package.parent / "include"]
    home = os.environ.get("AIRFLOW_HOME")
    if home:
        candidates += [Path(home) / "include", Path(home) / "dags" / "include"]
    return list(dict.fromkeys(candidates))


def include_folder() -> Path:
    """Return the project's ``include/`` folder; raises :class:`IncludeNotFoundError`."""
    candidates = include_candidates()
    for candidate in candidates:
        if _holds_something(candidate):
            return candidate
    searched = "\n  ".join(map(str, candidates))
    raise IncludeNotFoundError(
        f"no include/ folder with clients.yaml or sql/ found; searched:\n  {searched}\n"
        "Deploy include/ beside dags/ or, on MWAA, inside dags/."
    )


def _holds_something(candidate: Path) -> bool:
    """Return whether *candidate* holds the project's files; raises for a folder that may not be read."""
    try:
        names = os.listdir(candidate)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise IncludeNotFoundError(f"{candidate}: cannot be read: {error.strerror}") from None
    return "clients.yaml" in names or "sql" in names
