"""Growth is told, and what only warms up is not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.survival.soak_measures import growth


def samples(**changes: Any) -> list[dict[str, Any]]:
    """Return the samples of a soak; *changes* are functions of a sample's number."""
    found = []
    for number in range(12):
        sample: dict[str, Any] = {
            "memory": {"scheduler": 200.0 if number > 2 else 150.0, "api-server": 300.0},
            "sessions": 6,
            "uploads": 3,
            "table_mib": 5.0,
            "bytes_an_invoice": 280,
            "catalog_mib": 4.0,
            "nights": number,
            "log_bytes": {"tasks": number * 200_000, "airflow": number * 100_000},
        }
        for name, change in changes.items():
            sample[name] = change(number)
        found.append(sample)
    return found


def test_a_first_fill_is_no_growth() -> None:
    assert growth(samples()) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"memory": lambda n: {"scheduler": 200.0 + 20 * n}}, "memory of scheduler: 310.0 MiB, then 390.0 MiB"),
        ({"sessions": lambda n: 3 * n}, "sessions: up to 33"),
        ({"uploads": lambda n: 2 * n}, "uploads: up to 22"),
        ({"table_mib": lambda n: 2.0 * n}, "table_mib: 11.0, then 19.0"),
        ({"bytes_an_invoice": lambda n: 300 * n}, "bytes_an_invoice: 1650.0, then 2850.0"),
        ({"catalog_mib": lambda n: 2.0 * n}, "catalog_mib: 11.0, then 19.0"),
        ({"log_bytes": lambda n: {"tasks": n * 3_000_000}}, "logs: 3000000 bytes a night"),
    ],
)
def test_growth_is_told(changes: dict[str, Any], told: str) -> None:
    (line,) = growth(samples(**changes))
    assert line.startswith(told)


def test_a_short_soak_says_nothing() -> None:
    assert growth(samples()[:8]) == ["too few samples to say anything"]
