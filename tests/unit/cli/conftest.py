"""An include folder that a test fills with what it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.include_folder import CHECK, CLIENTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def include(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], Path]:
    """Return a function that writes an include folder: clients, good scripts, and the given files on top."""

    def write(files: dict[str, str]) -> Path:
        folder = tmp_path / "include"
        good = {
            "clients.yaml": CLIENTS,
            "sql/prechecks/bookkeeper/100_there.sql": CHECK,
            "sql/init/bookkeeper/010_a.sql": "create table x as select 1;\n",
            "sql/init/tripica/010_b.sql": "select $$ begin; $$; -- commit;\n",
            "sql/init/tripica/two/010_b.sql": "select 2;\n",
            "sql/archive/customer/oibl.sql": "select 1 as a\n",
        }
        for name, text in (good | files).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return folder

    monkeypatch.setattr("billing_aggregator.config.load.include_folder", lambda: tmp_path / "include")
    return write
