"""``needs`` with a number: scripts before it do not wait for the other system, and may not name its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.dags.entries import CLIENTS, the_dags

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = "init.bookkeeper.010_a"
LISTED = "needs: [bookkeeper]"
READS = "-- Sources: report_oibl.ledger\ncreate table report_oibl.mine as select * from REPORT_OIBL.Ledger;\n"


def needs(sql: Path, text: str) -> None:
    clients = sql.parent / "clients.yaml"
    clients.write_text(CLIENTS.replace(LISTED, text), encoding="utf-8")


def waits(task: str) -> set[str]:
    """Return the init tasks that a task of entry ``one`` waits for, also through others."""
    dag = the_dags()["one_prod"]
    found: set[str] = set()
    left = [task]
    while left:
        upstream = dag.get_task(left.pop()).upstream_task_ids - found
        found |= upstream
        left += upstream
    return {name for name in found if name.startswith("init.")}


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        (LISTED, True, True),
        ("needs: {bookkeeper: 0}", True, True),
        ("needs: {bookkeeper: 10}", True, True),
        ("needs: {bookkeeper: 11}", False, True),
        ("needs: {bookkeeper: 20}", False, True),
        ("needs: {bookkeeper: 21}", False, False),
    ],
)
def test_scripts_wait_from_the_number_on(sql: Path, text: str, *, first: bool, second: bool) -> None:
    (sql / "init/tripica/020_c.sql").write_text("select 1;\n", encoding="utf-8")
    needs(sql, text)
    assert (BEFORE in waits("init.tripica.010_b")) is first
    assert (BEFORE in waits("init.tripica.020_c")) is second
    # The next phase waits for both in any case.
    assert BEFORE in waits("finish")


def test_a_script_that_is_too_early_breaks_its_dags(sql: Path) -> None:
    (sql / "init/bookkeeper/010_a.sql").write_text(
        "drop table if exists report_oibl.ledger;\ncreate unlogged table report_oibl.ledger as select 1;\n",
        encoding="utf-8",
    )
    (sql / "init/tripica/two/010_b.sql").write_text(READS, encoding="utf-8")
    needs(sql, "needs: {bookkeeper: 20}")
    dags = the_dags()
    assert {name for name, dag in dags.items() if "broken" in dag.tags} == {"two_prod", "two_stage"}
    explained = dags["two_prod"].doc_md or ""
    assert "init/tripica/two/010_b.sql: names report_oibl.ledger, which bookkeeper makes, but by" in explained
    assert "only scripts from 020 on wait for bookkeeper" in explained
    assert "or write bookkeeper: 10 there" in explained


def test_a_name_in_a_comment_or_in_a_later_script_is_none(sql: Path) -> None:
    (sql / "init/bookkeeper/010_a.sql").write_text("create view report_oibl.ledger as select 1;\n", encoding="utf-8")
    (sql / "init/tripica/two/010_b.sql").write_text("-- not report_oibl.ledger\nselect 1;\n", encoding="utf-8")
    (sql / "init/tripica/020_c.sql").write_text(READS, encoding="utf-8")
    needs(sql, "needs: {bookkeeper: 20}")
    assert not any("broken" in dag.tags for dag in the_dags().values())
