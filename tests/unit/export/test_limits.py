"""Files are divided evenly among tasks, within the limit of tasks."""

from __future__ import annotations

import pytest

from billing_aggregator.config.export_options import ExportOptions
from billing_aggregator.config.limits import MOST_FILES, MOST_ROWS_PER_FILE
from billing_aggregator.export.errors import TooManyFilesError, TooManyPartsError
from billing_aggregator.export.plan.row_ranges import check_files
from billing_aggregator.export.plan.units import MOST_UNITS, divide

MILLION = 1_000_000


@pytest.mark.parametrize("files", [0, 1, 2, 63, 64, 65, 100, 500, 501, 1023, 1024, 1025, 1100, 9_999, 10_000])
@pytest.mark.parametrize("rows_per_file", [1, 1538, MILLION])
@pytest.mark.parametrize("chunks_per_unit", [None, 1, 3, 1000])
@pytest.mark.parametrize("most", [1, 2, 100, 1024, 5000])
def test_every_file_is_in_one_unit(files: int, rows_per_file: int, chunks_per_unit: int | None, most: int) -> None:
    units = divide(files, files * rows_per_file, chunks_per_unit=chunks_per_unit, most=most)
    assert [index for unit in units for index in unit] == list(range(files))
    assert len(units) <= min(most, MOST_UNITS)
    assert all(units)
    sizes = [len(unit) for unit in units]
    if chunks_per_unit is None and units:
        assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    ("files", "rows", "units"),
    [
        (64, 64, 64),  # a task for each file, as long as they are few
        (1_100, 1_100, 64),
        (10_000, 10_000, 64),
        (100, 100 * MILLION, 100),  # large files: a failed task repeats one file
        (1_100, 1_100 * MILLION, 500),
        (1_000, 25 * MILLION, 100),
    ],
)
def test_small_files_share_a_task(files: int, rows: int, units: int) -> None:
    assert len(divide(files, rows)) == units


@pytest.mark.parametrize("rows_per_file", [1, 7, 1000, MOST_ROWS_PER_FILE])
def test_the_smallest_size_that_fits_fits(rows_per_file: int) -> None:
    check_files("e", MOST_FILES * rows_per_file, rows_per_file)
    with pytest.raises(TooManyFilesError, match=f"10,001 files.* set max_rows_per_file to {rows_per_file + 1} or more"):
        check_files("e", MOST_FILES * rows_per_file + 1, rows_per_file)
    check_files("e", MOST_FILES * rows_per_file + 1, rows_per_file + 1)


def test_the_advice_for_a_file_of_too_many_parts_is_one_that_can_be_followed() -> None:
    error = TooManyPartsError("s3://b/k", 10_000, 8 << 20)
    largest = ExportOptions.model_fields["part_bytes"].metadata
    message = str(error.with_advice(50_000_000, 100_000_000))
    assert (
        "lower max_rows_per_file from 100000000 to 45000000 or less, or raise part_bytes to 18874368 or more" in message
    )
    assert "part_bytes to" not in str(error.with_advice(1_000_000, 100_000_000))
    assert any(getattr(limit, "le", None) == 512 << 20 for limit in largest)


def test_the_operators_allow_the_rows_that_the_configuration_allows() -> None:
    assert ExportOptions(max_rows_per_file=MOST_ROWS_PER_FILE).max_rows_per_file == MOST_ROWS_PER_FILE
    with pytest.raises(ValueError, match="100000000"):
        ExportOptions(max_rows_per_file=MOST_ROWS_PER_FILE + 1)
