"""Settings of single scripts hold for their transaction, and for nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing_aggregator.config.models import ClientConfig
from billing_aggregator.sql.runner import run_script

if TYPE_CHECKING:
    import psycopg

SCRIPT = "create table report.seen as select current_setting('work_mem') as work_mem, current_setting('jit') as jit;"


def test_settings_of_a_script_end_with_its_transaction(warehouse: psycopg.Connection[Any]) -> None:
    warehouse.execute("create schema report")
    warehouse.commit()
    before = warehouse.execute("show work_mem").fetchone()
    warehouse.rollback()
    run_script(warehouse, SCRIPT, {"client": "a"}, local={"work_mem": "7MB", "jit": "off"})
    assert warehouse.execute("select work_mem, jit from report.seen").fetchall() == [("7MB", "off")]
    assert warehouse.execute("show work_mem").fetchone() == before != ("7MB",)


def test_a_client_says_which_script_gets_which_settings() -> None:
    settings = {"init/tripica/050_charges": {"work_mem": "1GB", "jit": "off"}}
    config = ClientConfig(client="a", environment="dev", s3_bucket="bucket", script_settings=settings)
    assert config.settings_of("init/tripica/050_charges") == {"jit": "off", "work_mem": "1GB"}
    assert config.settings_of("init/tripica/010_due_charge_types") == {}
