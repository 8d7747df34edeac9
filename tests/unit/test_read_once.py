"""What many clients share is read once for all of them, and a change on the disk is seen by the next pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing_aggregator.config import ClientConfig
from billing_aggregator.config.text_files import SourceFileError
from billing_aggregator.night import read_night
from billing_aggregator.night.problems import file_problems
from billing_aggregator.sql.read_once import ReadOnce

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = "init/tripica/010_a.sql"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (SCRIPT, "init/bookkeeper/010_a.sql", "archive/customer/oibl.sql", "init/tripica/own/020_b.sql"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("select 1", encoding="utf-8")
    return tmp_path


def client(root: Path, name: str) -> ClientConfig:
    return ClientConfig(client=name, environment="prod", s3_bucket="bucket", scripts_dir=str(root))


def test_a_second_client_reads_nothing_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    once = ReadOnce()
    first = read_night(client(root, "one"), once)
    assert list(file_problems(first, once)) == []
    for module in ("scripts", "queries"):
        monkeypatch.setattr(f"billing_aggregator.sql.{module}.entries", lambda _: pytest.fail("read again"))
    monkeypatch.setattr("billing_aggregator.night.problems.read_sql", lambda _: pytest.fail("read again"))
    second = read_night(client(root, "two"), once)
    assert list(file_problems(second, once)) == []
    assert [script.key for _, script in second.scripts()] == [script.key for _, script in first.scripts()]


def test_a_client_keeps_its_own_scripts(root: Path) -> None:
    once = ReadOnce()
    scripts = {
        name: [script.relative for _, script in read_night(client(root, name), once).scripts()]
        for name in ("one", "own", "two")
    }
    assert scripts["one"] == scripts["two"]
    assert sorted(set(scripts["own"]) - set(scripts["one"])) == ["init/tripica/own/020_b.sql"]


def test_a_problem_is_reported_for_each_client(root: Path) -> None:
    once = ReadOnce()
    (root / "init/tripica/mistake.sql").write_text("select 1", encoding="utf-8")
    found = [read_night(client(root, name), once).problems for name in ("one", "two")]
    assert found[0] == found[1]
    assert "mistake.sql" in found[0][0]


def test_the_next_pass_sees_what_has_changed(root: Path) -> None:
    assert list(file_problems(read_night(client(root, "one")))) == []
    (root / SCRIPT).write_text(" ", encoding="utf-8")
    (line,) = file_problems(read_night(client(root, "one")))
    assert "010_a.sql" in line


def test_the_same_error_is_raised_again() -> None:
    asked = []

    def fails(name: str) -> str:
        asked.append(name)
        raise SourceFileError(f"{name} is broken")

    once = ReadOnce()
    for _ in range(2):
        with pytest.raises(SourceFileError, match="a is broken"):
            once(fails, "a")
    assert asked == ["a"]
