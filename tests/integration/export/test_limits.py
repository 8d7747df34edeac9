"""Many files: how many an export may have, and what is refused before anything is opened."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.config.limits import MOST_FILES
from billing_aggregator.errors.kinds import classify
from billing_aggregator.export.dry_run import dry_run
from billing_aggregator.export.errors import TooManyFilesError
from billing_aggregator.export.reader import check_publication
from tests.integration.export.row_tables import FROZEN, MIB, SMALL, fill

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.export.plan.planner import Export
    from tests.exporting import Lab


@pytest.fixture
def ten_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """An export has at most ten files."""
    monkeypatch.setattr("billing_aggregator.export.plan.row_ranges.MOST_FILES", 10)


@pytest.mark.usefixtures("ten_files")
@pytest.mark.parametrize(("rows", "size"), [(10, 1), (19, 2), (20, 2), (21, 3)])
@pytest.mark.parametrize("export", [SMALL, FROZEN], ids=["table", "query"])
def test_as_many_files_as_an_export_may_have(new_lab: Callable[..., Lab], rows: int, size: int, export: Export) -> None:
    lab = new_lab(max_rows_per_file=size)
    fill(lab, rows)
    lab.whole_run([export])
    assert [file.rows for file in lab.manifest().exports["small"].files] == [
        min(size, rows - start) for start in range(0, rows, size)
    ]
    check_publication(lab.store, lab.manifest())


@pytest.mark.usefixtures("ten_files")
@pytest.mark.parametrize(("rows", "size", "needed"), [(11, 1, 2), (21, 2, 3), (1000, 1, 100), (1001, 7, 101)])
@pytest.mark.parametrize("export", [SMALL, FROZEN], ids=["table", "query"])
def test_more_files_are_refused_before_anything_is_opened(
    lab: Lab, rows: int, size: int, needed: int, export: Export
) -> None:
    fill(lab, rows)
    options = lab.options.model_validate({"max_rows_per_file": size})
    # Other tests share the server, and may have left frozen tables.
    frozen = "select count(*) from pg_class where starts_with(relname, 'aggregator_export_')"
    before = lab.value(frozen)
    with pytest.raises(TooManyFilesError) as refused:
        lab.plan(lab.run(), export, options)
    assert classify(refused.value) == "terminal"
    for part in (
        "export small",
        f"{rows:,} rows",
        f"{-(-rows // size):,} files",
        "at most 10;",
        f"to {needed} or more",
    ):
        assert part in str(refused.value)
    assert lab.open_uploads() == []
    assert lab.value(frozen) == before
    connection = lab.connect()
    with pytest.raises(TooManyFilesError, match=f"to {needed} or more"):
        dry_run(connection, lab.run(), export, options, timeout=60)
    connection.close()
    lab.whole_run([export], options=lab.options.model_validate({"max_rows_per_file": needed}))


def test_the_real_bound(new_lab: Callable[..., Lab]) -> None:
    """10,000 files of a row each are published; a row more is refused."""
    lab = new_lab(kind="file", max_rows_per_file=1)
    fill(lab, MOST_FILES)
    plan = lab.plan(lab.run(), SMALL)
    units = plan.units()
    assert [index for unit in units for index in unit["chunks"]] == list(range(MOST_FILES))
    assert len(json.dumps(plan.to_json())) < 5 * MIB
    lab.publish([plan], [state for unit in units for state in lab.chunks(plan, unit["chunks"])])
    files = lab.manifest().exports["small"].files
    assert [file.rows for file in files] == [1] * MOST_FILES
    assert sorted(file.key for file in files) == [file.key for file in files]
    lab.sql("insert into small_rows values (0)")
    with pytest.raises(TooManyFilesError, match="set max_rows_per_file to 2 or more"):
        lab.plan(lab.run(), SMALL)


def test_no_upload_stays_open_when_one_cannot_be_opened(
    new_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor are the rest of many opened first, only to be aborted."""
    lab = new_lab(max_rows_per_file=1)
    fill(lab, 500)
    start, started = lab.store.start, []

    def fails_once(key: str, token: str, options: Any) -> Any:
        started.append(key)
        if key.endswith("_0003.csv"):
            raise ConnectionError("the store went away")
        return start(key, token, options)

    monkeypatch.setattr(lab.store, "start", fails_once)
    with pytest.raises(ConnectionError):
        lab.plan(lab.run(), SMALL)
    assert lab.open_uploads() == []
    assert len(started) < 100
