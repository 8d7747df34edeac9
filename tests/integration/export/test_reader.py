"""The own reader agrees with the database about every row, also where Python's csv does not."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.export.dry_run import dry_run
from billing_aggregator.export.errors import UploadError
from billing_aggregator.export.plan.planner import Export
from billing_aggregator.export.reader import check_publication, read_records

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.exporting import Lab

EXPORT = Export("single", table=("public", "single"))
COLUMNS = {
    "numbers": "select nullif(g % 3, 0)::numeric as n from generate_series(1, 10) g",
    "last": "select n::bigint from (values (1), (null), (null)) v(n)",
    "all": "select null::numeric as n from generate_series(1, 4)",
    "texts": "select t as n from (values (''), (null), ('NULL'), (E'\\n'), (E'a\\r\\nb'), ('\\.'), ('5')) v(t)",
    "special": "select n::numeric from (values ('NaN'), (null), ('1.5')) v(n)",
    "both": "select n::numeric from (values ('Infinity'), ('-Infinity'), (null)) v(n)",
    "infinite": "select n::numeric from (values ('Infinity'), ('7')) v(n)",
    "5": "select n from (values (5), (null), (55)) v(n)",
    "long": "select repeat('x,\"y', 1 << 18) as n from generate_series(1, 3)",
}


def read(lab: Lab) -> list[Any]:
    export = lab.manifest().exports["single"]
    rows = [row for file in export.files for row in read_records(lab.store, export, file)]
    return [None if row[0] is None else row[0].decode() for row in rows]


@pytest.mark.parametrize("rows", COLUMNS.values(), ids=list(COLUMNS))
@pytest.mark.parametrize("null", ["", "NULL", "5"])
def test_one_column(new_lab: Callable[..., Lab], rows: str, null: str) -> None:
    for header, compression, size in [(True, "none", 100), (False, "gzip", 2), (True, "zstd", 3)]:
        lab = new_lab(
            kind="file", dialect={"null": null, "header": header}, compression=compression, max_rows_per_file=size,
            empty="fail",
        )  # fmt: skip
        lab.sql("drop table if exists single", f"create table single as {rows}")
        lab.whole_run([EXPORT], lab.run())
        check_publication(lab.store, lab.manifest())
        assert read(lab) == lab.value("select array_agg(n::text order by ctid) from single")


@pytest.mark.parametrize(
    ("rows", "null", "warned"),
    [
        ("select nullif(g, 2) as n from generate_series(1, 3) g", "", True),
        ("select nullif(g, 2) as n from generate_series(1, 3) g", "\\N", False),
        ("select g as n from generate_series(1, 3) g", "", False),
        ("select g as n, null as m from generate_series(1, 3) g", "", False),
        ("select '' as n", "", False),
    ],
)
@pytest.mark.parametrize("query", [None, "select n from single where true order by n", "table single"])
def test_empty_lines_are_warned_of_with_the_option_that_helps(
    new_lab: Callable[..., Lab], caplog: pytest.LogCaptureFixture, rows: str, null: str, warned: bool,
    query: str | None,
) -> None:  # fmt: skip
    lab = new_lab(kind="file", dialect={"null": null})
    lab.sql("drop table if exists single", f"create table single as {rows}")
    if query and "," in rows:
        query = "select * from single where true order by 1"
    export = Export("single", query=query) if query else EXPORT
    lab.whole_run([export])
    planned = [record.getMessage() for record in caplog.records if "dialect.null" in record.getMessage()]
    caplog.clear()
    with closing(lab.connect()) as connection:
        dry_run(connection, lab.run(), export, lab.options, timeout=60)
    dry = [record.getMessage() for record in caplog.records if "dialect.null" in record.getMessage()]
    assert len(planned) == len(dry) == int(warned)
    assert all(text.startswith("export single has one column (n) with NULLs") for text in planned + dry)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (b"n\n1\n\n", "2 rows, the manifest says 3"),
        (b"n\n1\n\n2,3\n", "row 3 has 2 fields"),
        (b"n\n1\n\n9\n", "adds up to 10"),
    ],
)
def test_what_differs_is_told(new_lab: Callable[..., Lab], rows: bytes, told: str) -> None:
    """Also in a file whose bytes are those of the manifest."""
    import hashlib

    lab = new_lab(kind="file")
    lab.sql("drop table if exists single", "create table single as select n from (values (1), (null), (2)) v(n)")
    manifest = lab.whole_run([EXPORT]).manifest
    export = manifest.exports["single"]
    path = lab.store.url(export.files[0].key).removeprefix("file://")
    with open(path, "wb") as file:
        file.write(rows)
    with pytest.raises(UploadError, match="not the file that the manifest names"):
        check_publication(lab.store, manifest)
    described = export.files[0].model_copy(update={"bytes": len(rows), "sha256": hashlib.sha256(rows).hexdigest()})
    wrong = manifest.model_copy(update={"exports": {"single": export.model_copy(update={"files": [described]})}})
    with pytest.raises(UploadError, match=told):
        check_publication(lab.store, wrong)
