"""The tasks of a run refuse tables of another run: scripts, checks, exports and history, in a real DAG run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.features.nightly import Nachtlauf

# What a task that was marked as success has done in this run.
NOTHING = "select 1;\n"
INIT, AUDIT = "init/tripica/010_liste.sql", "audits/tripica/100_summe.sql"
RELEASE, HISTORY = "release/tripica/010_freigabe.sql", "history/tripica/010_tag.sql"
READ_LIST = "-- fail: nothing is negative\nselect nummer from report_oibl.new_tripica_results where betrag < 0\n"
KEEP_LIST = """create table if not exists report_oibl.history_tripica_results (nummer integer, tag text);
insert into report_oibl.history_tripica_results
select nummer, current_setting('bda.business_date') from report_oibl.tripica_results;
"""


@pytest.mark.parametrize(
    ("earlier", "later", "failed"),
    [
        ({AUDIT: "-- fail: stop\nselect 1 as one\n"}, {INIT: NOTHING, AUDIT: READ_LIST}, "audits.tripica"),
        ({AUDIT: "-- fail: stop\nselect 1 as one\n"}, {INIT: NOTHING}, "release.tripica.010_freigabe"),
        ({}, {RELEASE: NOTHING}, "export.tripica_results.plan"),
        ({}, {RELEASE: NOTHING}, "export.customer_oibl.plan"),
    ],
    ids=["audit", "release", "export of a table", "export of a query"],
)
def test_a_task_marked_as_success_publishes_nothing_of_an_earlier_run(
    nachtlauf: Nachtlauf, tmp_path: Path, earlier: dict[str, str], later: dict[str, str], failed: str
) -> None:
    nachtlauf.small_scripts(tmp_path / "earlier", **earlier).run(business_date="2026-01-01")
    assert nachtlauf.state == ("failed" if earlier else "success")
    before = nachtlauf.manifests[-1]
    nachtlauf.small_scripts(tmp_path / "later", **{AUDIT: "-- fail: ok\nselect 1 as one where false\n"} | later)
    nachtlauf.run(business_date="2026-01-02")
    assert nachtlauf.state == "failed"
    assert nachtlauf.result["tasks"][failed] == "failed"
    assert nachtlauf.result["tries"][failed] == 1, "no retry helps"
    assert "_results was built by run " in nachtlauf.log
    assert "for 2026-01-01, this is run " in nachtlauf.log
    assert nachtlauf.manifests[-1] == before


def test_a_dry_run_counts_no_rows_of_an_earlier_run(nachtlauf: Nachtlauf, tmp_path: Path) -> None:
    nachtlauf.small_scripts(tmp_path / "earlier").run()
    assert nachtlauf.state == "success"
    nachtlauf.small_scripts(tmp_path / "later", **{RELEASE: NOTHING}).run(dry_run=True)
    assert nachtlauf.result["tasks"]["export.tripica_results.plan"] == "failed"


def test_history_keeps_what_the_run_has_released(nachtlauf: Nachtlauf, tmp_path: Path) -> None:
    nachtlauf.small_scripts(tmp_path, **{HISTORY: KEEP_LIST})
    for day in ("2026-01-01", "2026-01-02"):
        nachtlauf.run(business_date=day)
        assert nachtlauf.state == "success", nachtlauf.log[-2000:]
    kept = "select tag, count(*) from report_oibl.history_tripica_results group by 1 order by 1"
    assert nachtlauf.rows(kept) == [("2026-01-01", 120), ("2026-01-02", 120)]


def test_history_keeps_nothing_that_was_not_published(nachtlauf: Nachtlauf, tmp_path: Path) -> None:
    """As after a publication that was marked as success: the run is not known to have published."""
    forget = "history/tripica/005_vergessen.sql"
    forgotten = "update report_oibl.aggregator_runs set published_at = null, published_tables = null;\n"
    nachtlauf.small_scripts(tmp_path, **{HISTORY: KEEP_LIST, forget: forgotten}).run()
    assert nachtlauf.result["tasks"]["history.tripica.005_vergessen"] == "success"
    assert nachtlauf.result["tasks"]["history.tripica.010_tag"] == "failed"
    assert "tripica_results is not what readers have: this run has not published it" in nachtlauf.log


def test_a_run_says_which_tables_it_has_published(nachtlauf: Nachtlauf, tmp_path: Path) -> None:
    nachtlauf.small_scripts(tmp_path).run()
    recorded = nachtlauf.rows("select published_tables from report_oibl.aggregator_runs")[0][0]
    stamped = nachtlauf.rows(
        "select relname, (split_part(obj_description(oid), 'bda: ', 2)::jsonb) ->> 'built_at' from pg_class "
        "where relname in ('bookkeeper_results', 'tripica_results')"
    )
    assert recorded == dict(stamped)
    manifest = nachtlauf.manifests[-1]
    assert manifest is not None
    assert nachtlauf.rows("select tag from report_oibl.aggregator_runs") == [(manifest.run_tag,)]
