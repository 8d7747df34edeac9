"""The operators of SQL files: what they refuse, what the DAG contains, what Airflow shows."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.sql.operators.sql import BaseSQLOperator, SQLExecuteQueryOperator
from airflow.sdk import DAG, literal

from billing_aggregator.config import ClientConfig
from billing_aggregator.dag.deadline import supported as is_airflow_3_3
from billing_aggregator.operators.client_exports import ClientPlanOperator
from billing_aggregator.operators.export_plan import ExportPlanOperator
from billing_aggregator.operators.sql_checks import SqlChecksOperator
from billing_aggregator.operators.sql_file import WITHOUT_EFFECT, SqlFile
from billing_aggregator.operators.sql_script import SqlScriptOperator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEXT = "-- fail: x\r\nselect '{{ ds }}{# a #}{% raw %}' -- other.sql"
# Airflow 3.2 writes a list of values that it does not know as Python shows it.
LISTED: Callable[[list[str]], Any] = list if is_airflow_3_3() else str
CONTEXT: Any = {"ds": "2026-01-01", "params": {}, "run_id": "r"}


@pytest.fixture
def config(tmp_path: Path) -> ClientConfig:
    (tmp_path / "init").mkdir()
    (tmp_path / "x.sql").write_bytes(TEXT.encode())
    return ClientConfig(client="one", environment="prod", s3_bucket="exports", scripts_dir=str(tmp_path))


@pytest.mark.parametrize("operator", [SqlScriptOperator, SqlChecksOperator])
@pytest.mark.parametrize("argument", WITHOUT_EFFECT)
def test_arguments_of_the_stock_operator_without_effect_are_refused(
    config: ClientConfig, operator: Any, argument: str
) -> None:
    sql = "010_x.sql" if operator is SqlScriptOperator else ["010_x.sql"]
    with pytest.raises(ValueError, match=rf"{operator.__name__} has no such argument as {argument}: "):
        operator(task_id="x", sql=sql, client_config=config, **{argument: None})


def test_a_task_has_what_the_stock_operator_would_set(config: ClientConfig) -> None:
    """Its ``__init__`` is not called: a provider that sets something new, or otherwise, must be noticed."""
    stock = SQLExecuteQueryOperator(task_id="stock", sql="x.sql", conn_id=config.database_conn_id)
    ours = SqlScriptOperator(task_id="ours", sql="x.sql", client_config=config)
    own = {"sql", "task_id", "_log", *(name for name in vars(stock) if name.startswith("_BaseOperator__"))}
    expected = {name: value for name, value in vars(stock).items() if name not in own | {"on_failure_callback"}}
    found = {name: getattr(ours, name) for name in expected}
    unset = expected.keys() & {"hook_params", "check_results"}
    empty = {name: (type(expected[name])(found[name]), expected[name]) for name in unset}
    assert all(value == stocks for value, stocks in empty.values())
    assert {name: value for name, value in found.items() if name not in empty and value != expected[name]} == {}


@pytest.mark.parametrize("sql", [["x.sql", "y.sql"], None, 7])
def test_a_scripts_sql_is_one_path(config: ClientConfig, sql: Any) -> None:
    with pytest.raises(ValueError, match="sql is the path of one file"):
        SqlScriptOperator(task_id="x", sql=sql, client_config=config)


@pytest.mark.parametrize("sql", ["x.sql", [], None])
def test_the_sql_of_checks_is_a_list_of_paths(config: ClientConfig, sql: Any) -> None:
    with pytest.raises(ValueError, match="sql is a list of paths"):
        SqlChecksOperator(task_id="x", sql=sql, client_config=config)


def test_the_serialised_dag_carries_names_and_no_text(config: ClientConfig) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    with DAG("d", schedule=None) as dag:
        SqlScriptOperator(task_id="script", sql="x.sql", client_config=config)
        SqlChecksOperator(task_id="checks", sql=["010_x.sql", "010_y.sql"], client_config=config)
        ClientPlanOperator(task_id="plan", export_name="x", query="x.sql", client_config=config)
        SqlScriptOperator.partial(task_id="mapped", client_config=config).expand(sql=["x.sql"])
    dag.resolve_template_files()
    serialised = json.dumps(DagSerialization.to_dict(dag))
    assert "other.sql" not in serialised
    assert serialised.count('"sql": "x.sql"') == 1
    assert f'"sql": {json.dumps(LISTED(["010_x.sql", "010_y.sql"]))}' in serialised
    assert '"query": "x.sql"' in serialised


def test_airflow_3_2_serialises_names_and_no_configuration(config: ClientConfig) -> None:
    assert str([SqlFile("010_x.sql", config), SqlFile("010_y.sql", config)]) == "['010_x.sql', '010_y.sql']"


def test_airflow_shows_the_text_of_the_file(config: ClientConfig) -> None:
    from airflow.sdk.execution_time.task_runner import _serialize_rendered_fields

    with DAG("d", schedule=None) as dag:
        script: Any = SqlScriptOperator(task_id="script", sql="x.sql", client_config=config)
        mapped: Any = SqlScriptOperator.partial(task_id="mapped", client_config=config).expand(sql=["x.sql"])
    for task in (script.prepare_for_execution(), mapped.unmap({"sql": "x.sql"})):
        # As Airflow does it for mapped tasks, without the operator's own render_template_fields.
        task._do_render_template_fields(task, task.template_fields, CONTEXT, dag.get_template_env(), set())
        assert _serialize_rendered_fields(task) == {"sql": TEXT}
    assert isinstance(script.sql, SqlFile)


def test_airflow_shows_the_texts_of_all_checks(config: ClientConfig, tmp_path: Path) -> None:
    from airflow.sdk.execution_time.task_runner import _serialize_rendered_fields

    (tmp_path / "010_x.sql").write_bytes(TEXT.encode())
    with DAG("d", schedule=None) as dag:
        checks: Any = SqlChecksOperator(task_id="checks", sql=["010_x.sql", "010_gone.sql"], client_config=config)
    task = checks.prepare_for_execution()
    task._do_render_template_fields(task, task.template_fields, CONTEXT, dag.get_template_env(), set())
    assert _serialize_rendered_fields(task) == {"sql": LISTED([TEXT, "010_gone.sql"])}


def test_a_file_that_is_gone_is_shown_by_its_name(config: ClientConfig) -> None:
    task: Any = SqlScriptOperator(task_id="script", sql="gone.sql", client_config=config)
    task.render_template_fields(CONTEXT)
    assert str(task.sql) == "gone.sql"


def test_the_operator_for_other_dags_is_templated_as_it_says() -> None:
    common: Any = {"export_name": "x", "target": "s3://b", "client": "c", "environment": "e", "business_date": "d"}
    task = ExportPlanOperator(task_id="plan", query="select '{{ ds }}' as a", **common)
    task.render_template_fields(CONTEXT)
    assert task.query == "select '2026-01-01' as a"
    as_it_is: Any = literal("select '{{ ds }}' as a")
    plain = ExportPlanOperator(task_id="plan", query=as_it_is, **common)
    plain.render_template_fields(CONTEXT)
    assert plain.query == "select '{{ ds }}' as a"


def test_every_argument_of_the_stock_operator_is_used_or_refused() -> None:
    """The provider that is installed may have more than the one before: each has to be decided."""
    stock: set[str] = set()
    for kind in (SQLExecuteQueryOperator, BaseSQLOperator):
        parameters = inspect.signature(kind.__init__).parameters.values()
        stock |= {each.name for each in parameters if each.kind is each.KEYWORD_ONLY}
    assert stock - {"sql"} == set(WITHOUT_EFFECT)
