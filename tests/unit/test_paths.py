"""include/ is found beside dags/, and inside dags/ as on MWAA."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing_aggregator.config import paths

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def bare_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "plugins/billing_aggregator/config/paths.py"))
    monkeypatch.delenv("AIRFLOW_HOME", raising=False)
    return tmp_path


@pytest.mark.parametrize("place", ["include", "dags/include"])
def test_found(bare_project: Path, place: str) -> None:
    (bare_project / place / "sql").mkdir(parents=True)
    assert paths.include_folder() == bare_project / place


def test_found_below_airflow_home(bare_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = bare_project / "home"
    (home / "dags/include/sql").mkdir(parents=True)
    monkeypatch.setenv("AIRFLOW_HOME", str(home))
    assert paths.include_folder() == home / "dags/include"


def test_not_found_lists_the_places_that_were_searched(bare_project: Path) -> None:
    with pytest.raises(paths.IncludeNotFoundError) as caught:
        paths.include_folder()
    assert str(bare_project / "include") in str(caught.value)
    assert str(bare_project / "dags/include") in str(caught.value)
