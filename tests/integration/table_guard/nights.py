"""A run's scripts and checks on one connection, as a night runs them, and small scripts to run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing_aggregator.runs import Stamp, TableGuard
from billing_aggregator.runs.identity import Run
from billing_aggregator.sql.checks import parse_check, run_check
from billing_aggregator.sql.runner import run_script

if TYPE_CHECKING:
    from billing_aggregator.runs.table_guard import Phase

DAG = "billing_data_aggregator_enercity_prod"
PUBLISHED = ("bookkeeper_results", "tripica_results")
BUILD = "drop table if exists report_oibl.base; create table report_oibl.base as select 1 as n;"
DERIVE = "drop table if exists report_oibl.more; create table report_oibl.more as select n from report_oibl.base;"
CANDIDATE = """
drop table if exists report_oibl.new_tripica_results;
create table report_oibl.new_tripica_results as select n from report_oibl.more;
"""
RELEASE = """
drop table if exists report_oibl.tripica_results;
alter table report_oibl.new_tripica_results rename to tripica_results;
"""
KEEP = """
create table if not exists report_oibl.history_days (n integer, day text);
insert into report_oibl.history_days select n, current_setting('bda.business_date') from report_oibl.tripica_results;
"""
CLEAN = "drop table if exists report_oibl.base, report_oibl.more, report_oibl.new_tripica_results;"


class Night:
    """One run on a connection: its scripts and checks, with its stamp."""

    def __init__(self, connection: Any, run_id: str, day: str, deployment: str = "airflow:8080#00aa") -> None:
        self.connection = connection
        self.run = Run("enercity", "prod", deployment, DAG, run_id)
        self.day = day

    def guard(self, phase: Phase, exported: dict[str, str] | None = None) -> TableGuard:
        return TableGuard(Stamp.of(self.run, self.day, "init/tripica/010_x.sql"), phase, PUBLISHED, exported)

    def script(self, phase: Phase, text: str, exported: dict[str, str] | None = None, system: str = "tripica") -> None:
        settings = {"business_date": self.day, "run_id": self.run.run_id, "client": "enercity", "system": system}
        run_script(self.connection, text, settings, self.guard(phase, exported))

    def check(self, phase: Phase, query: str) -> int:
        check = parse_check(f"-- fail: something holds\n{query}\n", "check.sql")
        return run_check(self.connection, check, {}, self.guard(phase).check).violations

    def build(self) -> None:
        self.script("init", "create schema if not exists report_oibl;")
        for text in (BUILD, DERIVE, CANDIDATE):
            self.script("init", text)

    def through(self) -> None:
        """Build, release, keep and clean up."""
        self.build()
        phases: dict[Phase, str] = {"release": RELEASE, "history": KEEP, "cleanup": CLEAN}
        for phase, text in phases.items():
            self.script(phase, text)


def rows(connection: Any, query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        found = [tuple(row) for row in cursor.fetchall()]
    connection.commit()
    return found
