"""A DAG file registers all clients' DAGs, or a part of them, and in a task's process the task's own DAG alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.dag import build_dags
from tests.dags.entries import CLIENTS

if TYPE_CHECKING:
    from pathlib import Path

MANY = "".join(f"  client{number}:\n    prod: {{}}\n" for number in range(40))


@pytest.fixture
def everybody(sql: Path) -> dict[str, object]:
    """40 clients more, so that no part is empty; returns all DAGs."""
    path = sql.parent / "clients.yaml"
    path.write_text(CLIENTS.rstrip("\n") + "\n" + MANY, encoding="utf-8")
    return dict(build_dags())


def test_the_parts_are_all_dags_and_each_of_them_once(everybody: dict[str, object]) -> None:
    parts = [build_dags(part=part, of=4) for part in (1, 2, 3, 4)]
    assert all(parts)
    assert sorted(name for part in parts for name in part) == sorted(everybody)


def test_a_client_stays_in_its_part_when_others_come(everybody: dict[str, object], sql: Path) -> None:
    before = set(build_dags(part=2, of=4))
    path = sql.parent / "clients.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "  another:\n    prod: {}\n", encoding="utf-8")
    assert before <= set(build_dags(part=2, of=4))


def test_a_file_of_one_environment_has_no_other_ones(everybody: dict[str, object]) -> None:
    stage = build_dags(environments=["stage"])
    assert {name.rpartition("_")[2] for name in build_dags(environments=["prod"])} == {"prod"}
    assert set(stage) | set(build_dags(environments=["prod"])) == set(everybody)


def test_a_task_builds_its_own_dag_and_reads_no_other_entry(
    everybody: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    from billing_aggregator.config import load

    read: list[str] = []
    entry = load._entry

    def counted(clients: Any, settings: Any, client: str, environment: str) -> Any:
        read.append(client)
        return entry(clients, settings, client, environment)

    monkeypatch.setattr(load, "_entry", counted)
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "billing_data_aggregator_client7_prod")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", "start")
    assert list(build_dags()) == ["billing_data_aggregator_client7_prod"]
    assert read == ["client7"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"part": 0, "of": 4}, "give a part from 1 to 4"),
        ({"part": 5, "of": 4}, "give a part from 1 to 4"),
        ({"environments": ["prd"]}, "not 'prd'"),
        ({"environments": "prod"}, "not 'prod'"),
    ],
)
def test_a_file_that_asks_for_no_part_is_refused(sql: Path, arguments: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        build_dags(**arguments)  # type: ignore[arg-type]  # wrong on purpose
