"""An include folder with a few small entries, for tests that break its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.dags.entries import CLIENTS, FILES

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def sql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An include folder with four entries; returns its SQL root."""
    root = tmp_path / "include" / "sql"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    (tmp_path / "include" / "clients.yaml").write_text(CLIENTS, encoding="utf-8")
    monkeypatch.setattr("billing_aggregator.config.load.include_folder", lambda: tmp_path / "include")
    return root
