"""Writes a Markdown summary of test reports: ``python -m scripts.summarise_tests build/tests*.xml``.

For the page of a CI run and its pull request: how many tests, which failed and why, what was skipped for which reason.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

#: As many characters of a failure's message as a table's cell shows.
MESSAGE_CHARACTERS = 200


@dataclass
class Summary:
    """The outcomes of some test reports; *seconds* is the sum of the tests' own times."""

    passed: int = 0
    seconds: float = 0.0
    failed: dict[str, str] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, reports: Iterable[Path]) -> Self:
        """Return the summary of JUnit reports; raises :class:`OSError` or ParseError for one that cannot be read."""
        summary = cls()
        for report in reports:
            for case in ET.parse(report).iter("testcase"):  # noqa: S314 - see above
                summary._add(case)
        return summary

    def _add(self, case: ET.Element) -> None:
        self.seconds += float(case.get("time", "0"))
        name = f"{case.get('classname', '')}::{case.get('name', '')}"
        for kind in ("failure", "error"):
            if (found := case.find(kind)) is not None:
                self.failed[name] = _first_line(found.get("message", ""))
                return
        if (skip := case.find("skipped")) is not None:
            self.skipped[_first_line(skip.get("message", ""))] += 1
        else:
            self.passed += 1

    def markdown(self) -> str:
        """Return the summary as Markdown."""
        lines = [
            "| passed | failed | skipped | minutes of tests |",
            "|---|---|---|---|",
            f"| {self.passed} | {len(self.failed)} | {self.skipped.total()} | {self.seconds / 60:.1f} |",
        ]
        if self.failed:
            lines += ["", "| Failed | First line |", "|---|---|"]
            lines += [f"| `{name}` | {message} |" for name, message in sorted(self.failed.items())]
        if self.skipped:
            lines += ["", "| Skipped | Reason |", "|---|---|"]
            lines += [f"| {times} | {reason} |" for reason, times in sorted(self.skipped.items())]
        return "\n".join(lines) + "\n"


def _first_line(message: str) -> str:
    lines = message.strip().splitlines() or [""]
    return lines[0][:MESSAGE_CHARACTERS].replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(Summary.of(map(Path, sys.argv[1:])).markdown())
