"""What is published loads back into a like table without a difference, whatever the values are."""

from __future__ import annotations

import string
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from billing_aggregator.export.plan.planner import Export

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.exporting import Lab

#: Column → type, and what a value may be, as Postgres text.
AWKWARD_TEXTS = ["", "\\.", "\\N", "NULL", "\ufeff", '"', '""', "\n", "\r\n", "a,b", " x ", "😀ß"]
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=18).map(str)
AMOUNTS = st.decimals(-(10**19), 10**19, places=18).map(str)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
DAYS = st.dates().map(date.isoformat)
TIMES = st.datetimes().map(datetime.isoformat)
INSTANTS = [
    *("2025-03-30 02:30:00+01", "2025-10-26 02:30:00+02", "infinity", "1883-01-01 00:00:00.000001+00"),
]
TYPES: dict[str, tuple[str, st.SearchStrategy[Any]]] = {
    "t": ("text", st.sampled_from(AWKWARD_TEXTS) | TEXTS),
    "v": ("varchar(5)", st.text(string.printable, max_size=5)),
    "n": ("numeric", st.sampled_from(["NaN", "Infinity", "-Infinity", "1e-50", "-0.000"]) | NUMBERS),
    "m": ("numeric(38,18)", AMOUNTS),
    "b": ("bigint", st.sampled_from([2**63 - 1, -(2**63), 2**53 + 1]) | INTEGERS),
    "f": ("float8", st.floats().map(repr)),
    "o": ("boolean", st.booleans()),
    "d": ("date", st.sampled_from(["infinity", "-infinity", "0044-03-15 BC"]) | DAYS),
    "s": ("timestamp", st.sampled_from(["infinity", "0044-03-15 12:00:00 BC"]) | TIMES),
    "z": ("timestamptz", st.sampled_from(INSTANTS)),
    "i": ("interval", st.sampled_from(["1 mon -2 days 03:04:05.000006", "-1 years", "0"])),
    "a": ("text[]", st.sampled_from(["{}", '{NULL,"NULL","","a\\"b"}', '{{"x,y","ü\n"}}'])),
    "j": ("jsonb", st.sampled_from(["null", '{"a": [1, "x\\n\\"y"]}', '"ä😀"'])),
    "y": ("bytea", st.binary(max_size=8).map(lambda raw: "\\x" + raw.hex())),
    "u": ("uuid", st.uuids().map(str)),
}
ROWS = st.lists(st.tuples(*(st.none() | values for _, values in TYPES.values())), max_size=12)
COLUMNS = ", ".join(f"{name} {kind}" for name, (kind, _) in TYPES.items())


@pytest.fixture
def like_tables(lab: Lab) -> Lab:
    lab.sql(
        "drop table if exists values_out, values_back",
        f"create table values_out ({COLUMNS})",
        f"create table values_back ({COLUMNS})",
    )
    return lab


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=ROWS,
    rows_per_file=st.integers(1, 5),
    delimiter=st.sampled_from(",;|\t"),
    null=st.sampled_from(["", "\\N", "NULL", "-"]),
    compression=st.sampled_from(["none", "gzip", "zstd"]),
)
def test_every_value_survives(
    like_tables: Lab, rows: list[Any], rows_per_file: int, delimiter: str, null: str, compression: str
) -> None:
    lab = like_tables
    options = lab.options.model_validate(
        {
            "max_rows_per_file": rows_per_file,
            "dialect": {"delimiter": delimiter, "null": null},
            "compression": compression,
        }
    )
    with psycopg.connect(lab.dsn) as connection:
        connection.execute("truncate values_out, values_back")
        places = sql.SQL(", ").join(sql.SQL("%s::{}").format(sql.SQL(kind)) for kind, _ in TYPES.values())
        connection.cursor().executemany(
            sql.SQL("insert into values_out values ({})").format(places), [list(map(_text, row)) for row in rows]
        )
    lab.whole_run([Export("values", table=("public", "values_out"))], options=options)
    with psycopg.connect(lab.dsn) as connection:
        connection.execute("set datestyle = 'ISO'; set extra_float_digits = 1")
        copy_in = sql.SQL("copy values_back from stdin (format csv, header match, delimiter {}, null {})").format(
            delimiter, null
        )
        for text in lab.csv("values"):
            with connection.cursor().copy(copy_in) as copy:
                copy.write(text)
        # Rows as text: two values may be equal without being the same.
        for one, other in (("values_out", "values_back"), ("values_back", "values_out")):
            difference = connection.execute(
                f"select t::text from {one} t except all select t::text from {other} t"
            ).fetchall()
            assert difference == []
    assert lab.manifest().exports["values"].rows == len(rows)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def test_bytes_are_the_servers_own(lab: Lab) -> None:
    lab.sql(
        "drop table if exists samples",
        '''create table samples as select * from (values
            (1, 'plain', null::text, 12345678901234567.8900::numeric,
                timestamptz '2025-10-26 00:30:00+00', '\\x00ff'::bytea, 0.30000000000000004::float8),
            (2, E'two\\nlines, "quoted"', '', 'NaN', timestamptz '2025-10-26 01:30:00+00', null, 'Infinity')
        ) v(id, "Text; ""x""", empty, amount, at, raw, f)''',
    )
    lab.whole_run([Export("samples", table=("public", "samples"))])
    assert lab.csv("samples") == [
        b'id,"Text; ""x""",empty,amount,at,raw,f\n'
        b"1,plain,,12345678901234567.8900,2025-10-26 00:30:00+00,\\x00ff,0.30000000000000004\n"
        b'2,"two\nlines, ""quoted""","",NaN,2025-10-26 01:30:00+00,,Infinity\n'
    ]
    assert lab.manifest().exports["samples"].control_totals == {"id": "3", "amount": "NaN"}


def test_both_drivers_and_any_division_of_work_give_the_same_bytes(new_lab: Callable[..., Lab]) -> None:
    new_lab().sql(
        "drop table if exists pieces",
        "create table pieces as select g id, repeat(md5(g::text), 20) t from generate_series(1, 3000) g",
    )
    export = Export("pieces", table=("public", "pieces"))
    seen = set()
    for driver, compression, together in [
        (d, c, t) for d in ("psycopg", "psycopg2") for c in ("none", "gzip", "zstd") for t in (True, False)
    ]:
        lab = new_lab(driver, max_rows_per_file=700, compression=compression)
        plan = lab.plan(lab.run(), export)
        states = lab.chunks(plan) if together else [s for chunk in plan.chunks for s in lab.chunks(plan, [chunk.index])]
        seen.add((compression, tuple(state.sha256 for state in states)))
    assert len(seen) == 3


def test_totals_are_exact_where_floats_are_not(lab: Lab) -> None:
    lab.sql(
        "drop table if exists cents",
        "create table cents as select 0.1::numeric amount, 9007199254740993::bigint id from generate_series(1, 1001)",
    )
    lab.whole_run([Export("cents", table=("public", "cents"))])
    totals = lab.manifest().exports["cents"].control_totals
    assert totals == {"amount": "100.1", "id": str(9007199254740993 * 1001)}
    assert Decimal(totals["amount"]) == Decimal("0.1") * 1001
