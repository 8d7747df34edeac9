"""An old business date is rebuilt as seen from that day: the run's scripts and checks get it as ``bda.as_of``."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from billing_aggregator.config import load_client
from billing_aggregator.operators.run_aware import RunAwareOperator
from billing_aggregator.operators.sql_checks import SqlChecksOperator
from billing_aggregator.operators.sql_script import SqlScriptOperator
from billing_aggregator.sql.scripts import find_scripts
from tests.conftest import SQL_ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.local.postgres import EmbeddedPostgres

LOCKS = "select dunning_lock_until::text, count(*) from report_oibl.new_tripica_results where {} group by 1"
# The sample's lock ends on 2022-02-28, the UTC day of its expiry.
ENDED = LOCKS.format("dunning_lock_until < '2023-01-01'")
AUDIT = "audits/tripica/200_dunning_consistent.sql"


@pytest.fixture
def dsn(postgres: EmbeddedPostgres, new_warehouse: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> str:
    found = postgres.dsn(new_warehouse(), "billing_aggregator")
    hook = SimpleNamespace(get_conn=lambda: psycopg.connect(found))
    monkeypatch.setattr(RunAwareOperator, "warehouse_hook", lambda *_: hook)
    monkeypatch.setattr(RunAwareOperator, "heartbeats", False)
    return found


def a_context(day: str | None) -> Any:
    now = datetime.now(UTC)
    return {
        "run_id": f"manual__{day}",
        "ti": SimpleNamespace(try_number=1, xcom_pull=lambda **_: "airflow-test", xcom_push=lambda **_: None),
        "dag_run": SimpleNamespace(conf={}, logical_date=None, run_after=now, start_date=now),
        "params": {
            "systems": ["bookkeeper", "tripica"],
            "ignore_systems": [],
            "business_date": day,
            "dry_run": False,
            "max_rows_per_file": 1,
        },
    }


def rebuild(day: str | None) -> None:
    """Run the init scripts and the audit of dunning as the DAG of client enercity does."""
    config = load_client("enercity", "local", environ={})
    for system in ("bookkeeper", "tripica"):
        for script in find_scripts(SQL_ROOT, "init", system, "enercity"):
            run(SqlScriptOperator(task_id=script.name, sql=script.relative, client_config=config, system=system), day)
    run(SqlChecksOperator(task_id="audit", sql=[AUDIT], client_config=config, system="tripica"), day)


def run(task: Any, day: str | None) -> None:
    context = a_context(day)
    task.resolve_template_files()
    task.pre_execute(context)
    task.execute(context)


@pytest.mark.parametrize(("day", "shown"), [("2022-02-28", True), ("2022-03-01", False), (None, False)])
def test_an_old_day_is_rebuilt_with_that_days_dunning_locks(dsn: str, day: str | None, shown: bool) -> None:
    rebuild(day)
    with psycopg.connect(dsn) as connection:
        found = connection.execute(ENDED).fetchall()
        others = connection.execute(LOCKS.format("dunning_lock_until >= '2023-01-01'")).fetchall()
    assert [until for until, _ in found] == (["2022-02-28"] if shown else [])
    assert others
