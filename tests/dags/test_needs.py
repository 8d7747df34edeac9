"""``needs`` with a number: scripts before it do not wait for the other system, unless they name its tables."""

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


def waits(task: str, entry: str = "one_prod") -> set[str]:
    """Return the init tasks that a task waits for, also through others."""
    dag = the_dags()[entry]
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


def ledger(sql: Path) -> None:
    """Let bookkeeper make a table."""
    (sql / "init/bookkeeper/010_a.sql").write_text(
        "drop table if exists report_oibl.ledger;\ncreate unlogged table report_oibl.ledger as select 1;\n",
        encoding="utf-8",
    )


def test_a_script_that_names_the_others_table_waits_whatever_the_number_says(sql: Path) -> None:
    ledger(sql)
    (sql / "init/tripica/010_b.sql").write_text(READS, encoding="utf-8")
    needs(sql, "needs: {bookkeeper: 20}")
    assert BEFORE in waits("init.tripica.010_b")


def test_a_clients_own_script_counts_for_this_client_only(sql: Path) -> None:
    ledger(sql)
    (sql / "init/tripica/two/010_b.sql").write_text(READS, encoding="utf-8")
    needs(sql, "needs: {bookkeeper: 20}")
    assert BEFORE not in waits("init.tripica.010_b")
    assert BEFORE in waits("init.tripica.010_b", "two_prod")


def test_a_name_in_a_comment_or_in_a_later_script_is_none(sql: Path) -> None:
    ledger(sql)
    (sql / "init/tripica/010_b.sql").write_text("-- not report_oibl.ledger\nselect 1;\n", encoding="utf-8")
    (sql / "init/tripica/020_c.sql").write_text(READS, encoding="utf-8")
    needs(sql, "needs: {bookkeeper: 20}")
    assert BEFORE not in waits("init.tripica.010_b")
    assert BEFORE in waits("init.tripica.020_c")


def test_in_another_sql_folder_every_script_waits(sql: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BDA_SCRIPTS_DIR", str(sql))
    needs(sql, "needs: {bookkeeper: 20}")
    assert BEFORE in waits("init.tripica.010_b")
