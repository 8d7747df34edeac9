"""A defect that checks must notice."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """A defect: how it is planted, and all checks that notice it."""

    name: str
    defect: str
    expected: set[str]
    settings: dict[str, str] = field(default_factory=dict)
