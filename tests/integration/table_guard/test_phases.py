"""Checks, release, export, history and cleanup each accept the tables that they are about, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing_aggregator.runs import ForeignTableError
from tests.integration.table_guard.nights import BUILD, CANDIDATE, CLEAN, DERIVE, KEEP, RELEASE, Night, rows

if TYPE_CHECKING:
    from billing_aggregator.runs.table_guard import Phase


def test_history_of_a_run_after_a_newer_release(first: Night, second: Night) -> None:
    first.build()
    first.script("release", RELEASE)
    second.through()
    with pytest.raises(ForeignTableError) as refused:
        first.script("history", KEEP)
    for words in ("report_oibl.tripica_results", "run scheduled__2026-11-22", "2026-11-21; clear this run's init"):
        assert words in str(refused.value)
    assert rows(first.connection, "select day from report_oibl.history_days") == [("2026-11-22",)]


@pytest.mark.parametrize("phase", ["audits", "prechecks"])
def test_checks_of_a_candidate_of_another_run(first: Night, second: Night, phase: Phase) -> None:
    first.build()
    second.build()
    query = "select n from report_oibl.new_tripica_results where n < 0"
    with pytest.raises(ForeignTableError, match=r"new_tripica_results was built by run scheduled__2026-11-22"):
        first.check(phase, query)
    assert second.check("audits", query) == 0


def test_release_of_a_candidate_of_another_run(first: Night, second: Night) -> None:
    first.through()
    second.build()
    with pytest.raises(ForeignTableError, match=r"tripica_results was built by run scheduled__2026-11-22"):
        first.script("release", RELEASE)
    assert rows(first.connection, "select to_regclass('report_oibl.new_tripica_results') is not null") == [(True,)]


def test_audits_compare_with_the_earlier_list(first: Night, second: Night) -> None:
    first.through()
    second.build()
    query = "select n from report_oibl.new_tripica_results except select n from report_oibl.tripica_results"
    assert second.check("audits", query) == 0
    with pytest.raises(ForeignTableError, match=r"tripica_results was built by run scheduled__2026-11-21"):
        second.script("export", "select n from report_oibl.tripica_results")


def test_a_second_attempt_compares_with_what_the_first_has_released(first: Night) -> None:
    first.through()
    first.build()
    query = "select n from report_oibl.new_tripica_results except select n from report_oibl.tripica_results"
    assert first.check("audits", query) == 0
    first.script("release", RELEASE)


def test_a_scripts_own_comment_on_its_table_stays(first: Night) -> None:
    first.build()
    first.script("init", f"{BUILD} comment on table report_oibl.base is 'one row a number\nsecond line'")
    first.script("init", DERIVE)
    first.script("release", f"{CANDIDATE} {RELEASE} comment on table report_oibl.tripica_results is 'the list';")
    (comment,) = rows(first.connection, "select obj_description('report_oibl.base'::regclass)")[0]
    assert comment.startswith("one row a number\nsecond line\nbda: {")
    first.script("history", KEEP)


def test_a_comment_on_a_candidate_keeps_its_stamp(first: Night, second: Night) -> None:
    first.build()
    first.script("release", f"{RELEASE} comment on table report_oibl.tripica_results is 'Published';")
    first.script("history", KEEP)
    with pytest.raises(ForeignTableError):
        second.script("history", KEEP)


def test_history_keeps_what_was_published_and_nothing_released_since(first: Night) -> None:
    first.build()
    first.script("release", RELEASE)
    with first.connection.cursor() as cursor:
        released = first.guard("export").released(cursor)
    first.connection.commit()
    assert list(released) == ["tripica_results"]
    for exported, words in (({}, "has not published it"), ({"tripica_results": "earlier"}, "released it again since")):
        with pytest.raises(ForeignTableError, match=f"tripica_results is not what readers have: this run {words}"):
            first.script("history", KEEP, exported)
    first.script("history", KEEP, released)


def test_cleanup_after_a_later_run(first: Night, second: Night) -> None:
    first.build()
    first.script("release", RELEASE)
    second.script("init", BUILD)  # the later run has failed here and waits to be continued
    with pytest.raises(ForeignTableError, match=r"report_oibl.base was built by run scheduled__2026-11-22.*tidies up"):
        first.script("cleanup", CLEAN)
    second.script("init", DERIVE)


def test_cleanup_drops_tables_of_an_earlier_failed_run(first: Night, second: Night) -> None:
    first.script("init", "create schema report_oibl; create table report_oibl.forgotten as select 1 as n;")
    second.build()
    second.script("release", RELEASE)
    second.script("cleanup", f"{CLEAN} drop table report_oibl.forgotten;")
