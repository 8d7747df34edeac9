"""Errors of the configuration, worded for the person who has to mend it."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import ValidationError


class ConfigError(ValueError):
    """The configuration cannot be right; the message names the file or variable, the place and the way out."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean x?`` for the nearest known name, or the list of all known names."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(names)}"


def describe(error: ValidationError, source: str, known: Iterable[str]) -> str:
    """Return one line for each problem that pydantic found: place, value and what is allowed."""
    lines = []
    for problem in error.errors():
        place = ".".join(map(str, problem["loc"])) or "(entry)"
        if problem["type"] == "extra_forbidden":
            lines.append(f"{source}: unknown key {place}{suggestion(str(problem['loc'][-1]), known)}")
        else:
            reason = problem["msg"].removeprefix("Value error, ")
            value = (
                "" if problem["type"] == "missing" or isinstance(problem["input"], dict) else f" = {problem['input']!r}"
            )
            lines.append(f"{source}: {place}{value}: {reason}")
    return "\n".join(lines)
