"""DuckDB reads every CSV that COPY can write as our own reader does: property-tested, value by value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing_aggregator.config.export_options import Dialect
from billing_aggregator.export.csv_records import records
from billing_aggregator.publications.compare.engine import Engine, reading
from billing_aggregator.publications.compare.sides import ExportFiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXTS = st.text(st.sampled_from(list('ab",;\n\r\\ ü\t|N0')) | st.characters(exclude_characters="\0", codec="utf-8"))
ROWS = st.lists(st.tuples(TEXTS | st.none(), TEXTS | st.none(), TEXTS | st.none()), max_size=12)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with Engine(tmp_path_factory.mktemp("duck"), 512) as found:
        yield found


def field(value: str | None, null: str) -> str:
    """Return a field as COPY writes it: a text is in quotes where it would be misread."""
    if value is None:
        return null
    if value in ("", null) or any(character in value for character in ',"\n\r\\;') or value.strip() != value:
        return '"' + value.replace('"', '""') + '"'
    return value


@pytest.mark.parametrize("null", ["", "\\N"])
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_both_readers_see_the_same_values(
    tmp_path: Path, engine: Engine, null: str, rows: list[tuple[str | None, ...]]
) -> None:
    file = tmp_path / "x.csv"
    text = "a,b,c\n" + "".join(",".join(field(value, null) for value in row) + "\n" for row in rows)
    file.write_bytes(text.encode())
    side = ExportFiles("x", ("a", "b", "c"), {}, None, {}, Dialect(null=null), "none", (file,))
    source = reading(side, ["a", "b", "c"], empty_is_null=False, memory_mib=512)
    found = engine.run(f"select {source.columns} from {source.source}")
    ours = list(records([text.encode()], delimiter=",", null=null))[1:]
    assert [tuple(None if value is None else value.decode() for value in row) for row in ours] == rows
    assert found == rows


def test_the_digest_tells_null_empty_and_moved_values_apart(engine: Engine) -> None:
    from billing_aggregator.publications.compare.engine import row_digest

    rows = ["null, ''", "'', null", "'', ''", "null, null", "'a', 'b'", "'a,b', ''", "'a\",\"b', ''", "'null', ''"]
    digests = {engine.value(f"select {row_digest(row.split(', '))}") for row in rows}
    assert len(digests) == len(rows)
