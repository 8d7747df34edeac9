"""Prints the pins of what requirements.txt names, at the versions of the image: ``python -m scripts.added_pins``.

The other packages of the image are those of Airflow's own image, whose makers audit it; CI's scan looks at all of it.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAME = re.compile(r"[A-Za-z0-9._-]+")


def added_pins(constraints: str = "constraints/mwaa-3.3.1.txt") -> list[str]:
    """Return ``name==version`` of each requirement, sorted."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = {_canonical(match[0]) for line in lines if (match := NAME.match(line.split("#")[0].strip()))}
    pins = (ROOT / constraints).read_text(encoding="utf-8").splitlines()
    return sorted(line for line in pins if _canonical(re.split(r"[=\\[]", line)[0]) in wanted)


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    print("\n".join(added_pins()))
