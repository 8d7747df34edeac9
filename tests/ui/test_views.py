"""What the page makes of runs: states of nights, jumps, phases, comparisons. Amounts stay exact."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from scripts.sample_nights import NOW, config

from billing_aggregator.runs.run_history import ColumnRecord, ExportRecord, FileRecord, RunRecord
from billing_aggregator.runs.summary import CheckOutcome
from billing_aggregator.ui.answers import Answer
from billing_aggregator.ui.charts import line, phase_bars
from billing_aggregator.ui.compare import compare, compare_totals
from billing_aggregator.ui.nights import last_nights
from billing_aggregator.ui.overview import card, main_total
from billing_aggregator.ui.source import Nights
from billing_aggregator.ui.texts import number, percent, signed, size, span

DAY = date(2026, 11, 26)
START = datetime(2026, 11, 26, 2, 0, tzinfo=UTC)
DUE = START + timedelta(minutes=120)
CONFIG = config("enercity")


def run(**values: Any) -> RunRecord:
    known: dict[str, Any] = {
        "deployment": "a#1", "dag_id": CONFIG.dag_id, "run_id": "r", "tag": "00000001", "business_date": DAY,
        "dry_run": False, "state": "success", "started_at": START, "ended_at": START + timedelta(minutes=10),
        "published_at": START + timedelta(minutes=9), "rows": 5, "files": 1, "bytes": 50,
        "totals": {"list": {"amount": "12345678901234567.89"}}, "error": None, "due_at": DUE, "phases": None,
        "checks": (),
    }  # fmt: skip
    return RunRecord(**(known | values))


WARNING = CheckOutcome("audits.a", "warn", "t", 2, "violated", ("c",))
UNPUBLISHED: dict[str, Any] = {"published_at": None, "ended_at": None, "totals": {}}


@pytest.mark.parametrize(
    ("runs", "now", "state"),
    [
        ([run()], NOW, "published"),
        ([run(checks=(WARNING,))], NOW, "warned"),
        ([run(checks=(WARNING,), published_at=DUE + timedelta(minutes=1))], NOW, "late"),
        ([run(state="failed")], NOW, "warned"),
        ([run(state="failed", published_at=None)], NOW, "failed"),
        ([run(state="failed", published_at=None), run(tag="2")], NOW, "published"),
        ([run(state="running", **UNPUBLISHED)], DUE - timedelta(minutes=1), "waiting"),
        ([run(state="running", **UNPUBLISHED)], DUE + timedelta(minutes=1), "late"),
        ([run(state="running", **UNPUBLISHED)], START + timedelta(hours=9), "failed"),
        ([run(dry_run=True, published_at=None)], DUE + timedelta(minutes=1), "late"),
        ([], START + timedelta(minutes=1), "waiting"),
        ([], DUE + timedelta(minutes=1), "late"),
        ([], START - timedelta(minutes=30), "none"),
    ],
)
def test_a_night_has_the_state_of_its_runs(runs: list[RunRecord], now: datetime, state: str) -> None:
    night = last_nights(CONFIG, runs, now, 3)[-1]
    assert (night.day, night.state) == (DAY, state)


def test_a_list_without_an_export_that_was_there_is_not_whole() -> None:
    before = run(tag="2", business_date=DAY - timedelta(days=1), totals={"list": {}, "customer/oibl": {}})
    found = card(CONFIG, Answer(Nights((run(), before), NOW), None, pending=False, age=1.0), NOW)
    assert (found.verdict, found.headline) == (
        "bad",
        "The list of 2026-11-26 is not whole: customer/oibl stays as before",
    )


def test_control_totals_are_compared_to_the_last_digit() -> None:
    other = run(tag="2", totals={"list": {"amount": "12345678901234567.88", "gone": "1"}})
    amount, gone = compare_totals(run(), other)["list"]
    assert (amount.this, amount.change, amount.same) == ("12,345,678,901,234,567.89", "+0.01", False)
    assert (gone.this, gone.other, gone.change) == ("–", "1", "")


def test_columns_and_files_are_compared() -> None:
    def published(names: str, sha256: str, **types: str) -> dict[str, ExportRecord]:
        columns = tuple(ColumnRecord(name, types.get(name, "")) for name in names)
        return {"list": ExportRecord(5, 50, columns, (FileRecord("k", None, 5, 50, sha256),))}

    same = compare(run(), run(tag="2"), published("ab", "x"), published("ab", "x", a="text"))
    assert same[0].same
    assert same[0].files == "the files are the same, byte for byte"
    other = compare(run(), run(tag="2"), published("bac", "y"), published("abd", "x"))
    assert other[0].schema == ("column c is new", "column d is gone", "the columns are in another order")
    typed = compare(run(), run(tag="2"), published("a", "x", a="numeric(20,2)"), published("a", "x", a="text"))
    assert typed[0].schema == ("a was text and is numeric(20,2)",)
    unknown = compare(run(), run(tag="2"), {}, published("a", "x"))
    assert unknown[0].schema is None


def test_a_jump_of_more_than_a_tenth_is_marked() -> None:
    found = line([("d1", 100), ("d2", None), ("d3", 110), ("d4", Decimal("121.01"))], "rows")
    assert found is not None
    assert [jump.title for jump in found.jumps] == ["d4: rows 121.01, +10.0 % after 110"]
    assert line([("d1", 1), ("d2", None)], "rows") is None


def test_a_phase_ends_where_the_next_begins() -> None:
    phases = {"start": START.isoformat(), "init": (START + timedelta(minutes=1)).isoformat()}
    bars = phase_bars(run(phases=phases), NOW)
    assert [(bar.name, bar.seconds, bar.x, bar.width) for bar in bars] == [
        ("start", 60.0, 0, 100), ("init", 540.0, 100, 900),
    ]  # fmt: skip


def test_the_total_that_is_drawn_is_one_that_adds_up() -> None:
    totals = {"small": {"amount": "1"}, "list": {"a": "1", "amount_gross": "1", "booking_debit_amount": "1"}}
    assert main_total([run(totals=totals)]) == ("list", "booking_debit_amount")
    assert main_total([run(totals={})]) is None


def test_numbers_are_written_for_people() -> None:
    assert [number(1234567), number("-1234.50"), number("NaN"), number(None)] == ["1,234,567", "-1,234.50", "NaN", "–"]
    assert [signed(Decimal("-0.10")), signed(0)] == ["-0.10", "0"]
    assert [percent(110, 100), percent(1, 0), percent(5, 5)] == ["+10.0 %", "", ""]
    assert [size(999), size(376423), size(None)] == ["999 bytes", "376 kB", "–"]
    assert [span(0.44), span(42), span(200), span(3900)] == ["0.4 s", "42 s", "3 min 20 s", "1 h 5 min"]
