"""SQL reaches the server byte for byte: whatever a script, a check or an archive query contains, on both drivers."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psycopg
import psycopg2
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from billing_aggregator.config import ClientConfig
from billing_aggregator.config.export_options import ExportOptions
from billing_aggregator.export.plan.source import copy_statement
from billing_aggregator.operators.client_exports import ClientPlanOperator
from billing_aggregator.operators.sql_checks import SqlChecksOperator
from billing_aggregator.operators.sql_script import SqlScriptOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres

DRIVERS: dict[str, Callable[[str], Any]] = {"psycopg3": psycopg.connect, "psycopg2": psycopg2.connect}
FILE = "010_x.sql"
SAMPLES = [
    "{{10}}",
    "{# note #}kept",
    "{% raw %}x",
    "{{1,2},{3,4}}",
    "%s %(a)s %%",
    "$1 $$ $tag$",
    "\\n \\' \\\\",
    "a\r\nb",
]
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30) | st.lists(
    st.sampled_from([*"{}%#$\\'\"-/*;:\n\r\t ", "{{", "}}", "{%", "%}", "{#", "#}", "run_id", ".sql", "ä", "€"])
).map("".join)
# Possible ends of a file: Jinja treats a text with some of them as the name of a template, and drops others.
ENDS = st.sampled_from(["", "\n", "\r\n\r\n", " -- see other.sql", ";\n-- {{ ds }}\n"])


@pytest.fixture(scope="module", autouse=True)
def _outside_of_a_worker() -> Iterator[None]:
    from airflow.sdk.bases.operator import ExecutorSafeguard

    before, ExecutorSafeguard.test_mode = ExecutorSafeguard.test_mode, True
    yield
    ExecutorSafeguard.test_mode = before


@pytest.fixture(scope="module", params=DRIVERS)
def warehouse(request: pytest.FixtureRequest, postgres: EmbeddedPostgres) -> Callable[[], Any]:
    """Return a function that connects to a server with two tables: what was expected and what came."""
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute("drop table if exists expected_bytes, sent_bytes")
        connection.execute("create table expected_bytes (a text); create table sent_bytes (a text)")
    return lambda: DRIVERS[request.param](postgres.dsn())


@pytest.fixture
def run(
    warehouse: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str], tuple[Any, Any]]:
    """Return a function that runs a file as Airflow does: shown first, then executed; gives the task and its result."""
    from billing_aggregator.operators.run_aware import RunAwareOperator

    hook = SimpleNamespace(get_conn=warehouse)
    monkeypatch.setattr(RunAwareOperator, "warehouse_hook", lambda *_: hook)
    monkeypatch.setattr(RunAwareOperator, "heartbeats", False)
    (tmp_path / "init").mkdir()
    config = ClientConfig(client="enercity", environment="local", s3_bucket="bucket", scripts_dir=str(tmp_path))

    def execute(kind: str, text: str) -> tuple[Any, Any]:
        (tmp_path / FILE).write_bytes(text.encode())
        task: Any
        if kind == "export":
            task = ClientPlanOperator(task_id="plan", export_name="x", query=FILE, client_config=config)
        else:
            operator: Any = SqlScriptOperator if kind == "script" else SqlChecksOperator
            task = operator(task_id="x", sql=FILE if kind == "script" else [FILE], client_config=config)
        pushed: dict[str, Any] = {}
        context = a_context(pushed)
        task.render_template_fields(context)
        shown = task.query if kind == "export" else task.sql
        assert shown == ([text] if kind == "check" else text)
        task.pre_execute(context)
        result = task.execute(context)
        return pushed, result

    return execute


def a_context(pushed: dict[str, Any]) -> Any:
    now = datetime(2026, 1, 31, tzinfo=UTC)

    def push(key: str, value: Any) -> None:
        pushed[key] = value

    ti = SimpleNamespace(try_number=1, xcom_pull=lambda **_: "airflow-test", xcom_push=push)
    return {
        "run_id": "manual__1",
        "ti": ti,
        "dag_run": SimpleNamespace(conf={}, logical_date=None, run_after=now, start_date=now),
        "params": {
            "systems": ["bookkeeper", "tripica"],
            "ignore_systems": [],
            "business_date": None,
            "dry_run": True,
            "max_rows_per_file": 1,
        },
    }


@contextmanager
def expecting(warehouse: Callable[[], Any], text: str) -> Iterator[Any]:
    """Put *text* into the table ``expected_bytes`` as a bound value."""
    connection = warehouse()
    with connection.cursor() as cursor:
        cursor.execute("truncate expected_bytes, sent_bytes")
        cursor.execute("insert into expected_bytes values (%s)", [text])
    connection.commit()
    yield connection
    connection.close()


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def examples(function: Callable[..., None]) -> Callable[..., None]:
    for text in SAMPLES:
        function = example(text=text, end=" -- see other.sql")(function)
    function = given(text=TEXTS, end=ENDS)(function)
    quiet = [HealthCheck.function_scoped_fixture]
    return settings(max_examples=25, deadline=None, suppress_health_check=quiet)(function)


@examples
def test_a_script(run: Any, warehouse: Callable[[], Any], text: str, end: str) -> None:
    with expecting(warehouse, text) as connection:
        run("script", f"insert into sent_bytes values ({literal(text)}){end}")
        with connection.cursor() as cursor:
            cursor.execute("select a from sent_bytes")
            assert cursor.fetchall() == [(text,)]


@examples
def test_a_check(run: Any, warehouse: Callable[[], Any], text: str, end: str) -> None:
    with expecting(warehouse, text):
        query = f"-- fail: the text is the text\nselect a from expected_bytes where a <> {literal(text)}{end}"
        pushed, _ = run("check", query)
        ((outcome,),) = (pushed["checks"],)
        assert (outcome["state"], outcome["violations"]) == ("passed", 0)


@examples
def test_an_archive_query(
    run: Any, warehouse: Callable[[], Any], postgres: EmbeddedPostgres, text: str, end: str
) -> None:
    with expecting(warehouse, text):
        pushed, _ = run("export", f"select {literal(text)}::text as a{end}")
        wanted = copy_statement("select a from expected_bytes", ExportOptions().dialect, [])
        with psycopg.connect(postgres.dsn()) as connection, connection.cursor().copy(wanted) as copy:
            content = b"".join(bytes(block) for block in copy)
    assert "plan" not in pushed
    (file,) = pushed["dry_run"]["files"]
    assert file["sha256"] == hashlib.sha256(content).hexdigest()
