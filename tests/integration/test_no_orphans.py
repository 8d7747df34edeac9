"""A task that is killed or runs out of time leaves nothing on the server: no query, no transaction, no lock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from billing_aggregator.local.warehouse import ROLE, create_octopus
from billing_aggregator.postgres import own_session, session_settings
from billing_aggregator.runs.session_names import run_tag, session_name
from tests.conftest import CHILD_PATH, ROOT
from tests.waiting import PATIENCE_SECONDS, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres

NAME = (
    "bda:enercity/local:" + run_tag("airflow-test", "billing_data_aggregator_enercity_local", "manual__1") + ":010_long"
)
LONG = """create schema if not exists report_oibl;
create table report_oibl.half_done as select 1 as id;
lock table report_oibl.aggregator_runs;
select pg_sleep(36000);
"""
SHORT = "create schema if not exists report_oibl; create table report_oibl.half_done as select 1 as id;\n"
_counter = iter(range(1_000))


class Task:
    """A script in its own process, and a second session that observes the server."""

    def __init__(self, server: EmbeddedPostgres, folder: Path, driver: str) -> None:
        self._folder = folder
        self._driver = driver
        self._database = f"orphans_{next(_counter)}"
        create_octopus(server, self._database)
        self.admin = psycopg.connect(server.dsn(self._database), autocommit=True)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "BDA_"))}
        self._environment = clean | {
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
            "AIRFLOW_CONN_OCTOPUS_ENERCITY_LOCAL": f"postgres://{ROLE}@{server.host}:{server.port}/{self._database}",
            "PYTHONPATH": CHILD_PATH,
        }
        self.process: subprocess.Popen[str] | None = None

    def start(self, sql: str, timeout: int = 3600, kind: str = "script", patience: int = 0) -> subprocess.Popen[str]:
        """Start *sql*; *timeout* is the task's, *patience* when it is really stopped, if not then."""
        script = self._folder / "010_long.sql"
        script.write_text(sql, encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests/integration/script_process.py"), self._driver, kind, str(script)],
            env=self._environment | {"EXECUTION_TIMEOUT": str(timeout), "STOPPED_AFTER": str(patience or timeout)},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return self.process

    def output(self) -> str:
        assert self.process is not None
        return self.process.communicate(timeout=PATIENCE_SECONDS)[0]

    def sessions(self) -> list[tuple[Any, ...]]:
        query = "select pid, application_name, state from pg_stat_activity where usename = %s"
        return self.admin.execute(query, [ROLE]).fetchall()

    def sleeps(self) -> bool:
        query = "select 1 from pg_stat_activity where application_name = %s and wait_event = 'PgSleep'"
        return self.admin.execute(query, [NAME]).fetchone() is not None

    def wait(self, condition: Callable[[], object]) -> None:
        """Wait for a condition; the queries take hours, so one that has ended was cancelled."""
        wait_for(condition, lambda: f"sessions: {self.sessions()}")

    def leaves_nothing(self) -> None:
        self.wait(lambda: not self.sessions())
        locks = (
            "select count(*) from pg_locks as held join pg_database as here on here.oid = held.database "
            "where here.datname = %s and held.pid <> pg_backend_pid()"
        )
        assert self.admin.execute(locks, [self._database]).fetchone() == (0,)
        assert self.admin.execute("select to_regclass('report_oibl.half_done')").fetchone() == (None,)


@pytest.fixture(params=["psycopg", "psycopg2"])
def task(postgres: EmbeddedPostgres, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Task]:
    made = Task(postgres, tmp_path, request.param)
    yield made
    made.admin.close()
    if made.process is not None and made.process.poll() is None:
        os.killpg(made.process.pid, signal.SIGKILL)


def test_after_kill_nothing_is_left_and_the_retry_is_clean(task: Task) -> None:
    process = task.start(LONG)
    task.wait(task.sleeps)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    task.leaves_nothing()
    task.start(SHORT)
    assert "'statements'" in task.output()
    assert task.admin.execute("select count(*) from report_oibl.half_done").fetchone() == (1,)


def test_the_server_cancels_before_the_task_times_out(task: Task) -> None:
    """Its limit is the task's time-out minus ten seconds, so that the task can report what was too slow."""
    task.start(LONG, timeout=12, patience=PATIENCE_SECONDS)
    output = task.output()
    assert "\nAirflowFailException: " in output
    assert "010_long.sql, line 4: canceling statement due to statement timeout (57014)" in output
    assert "statement: select pg_sleep(36000)" in output
    task.leaves_nothing()


def test_a_time_out_cancels_the_query(task: Task) -> None:
    """A statement that the server may run longer than the task: the task's own time-out cancels it."""
    process = task.start("set local statement_timeout = 0;\n" + LONG)
    task.wait(task.sleeps)
    # The alarm that Airflow's time-out sets, at the moment that matters on any machine.
    os.kill(process.pid, signal.SIGALRM)
    assert "\nAirflowTaskTimeout" in task.output()
    task.leaves_nothing()


KINDS = {
    "script": LONG,
    "check": "-- fail: nobody sleeps\nselect pg_sleep(36000);\n",
    "export": "select pg_sleep(36000) as slept, 1 as one",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_stopped_task_cancels_its_query(task: Task, kind: str) -> None:
    """Airflow sends SIGTERM first; the task ends long before Airflow would kill it."""
    process = task.start(KINDS[kind], kind=kind)
    task.wait(task.sleeps)
    os.kill(process.pid, signal.SIGTERM)
    task.wait(lambda: process.poll() is not None)
    assert "canceling statement due to user request" in task.output()
    task.leaves_nothing()


BROKEN = {
    "data": ("script", "-- one\nselect 1;\n\nselect id / 0 -- two\nfrom generate_series(1, 3) as id;\nselect 3;\n",
             ", line 4: division by zero (22012)\n  statement: select id / 0 from generate_series(1, 3) as id\n"),
    "name": ("script", "select 1;\nselect 2,\n  nobody;\n",
             ', line 3: column "nobody" does not exist (42703)\n  statement: select 2, nobody\n'),
    "check, data": ("check", "-- fail: no\nselect 1 / 0 as id;\n",
                    ", line 2: division by zero (22012)\n  statement: select 1 / 0 as id\n"),
    "check, name": ("check", "-- fail: no\n\nselect 1,\n nobody\n",
                    ', line 4: column "nobody" does not exist (42703)\n  statement: select 1, nobody\n'),
    "check, first line": ("check", "-- fail: no\nselect nobody,\n 1 as one,\n 2 as two\n",
                          ', line 2: column "nobody" does not exist (42703)\n'
                          "  statement: select nobody, 1 as one, 2 as two\n"),
    "export, first line": ("export", "-- system: tripica\nselect nobody,\n 1 as one\n",
                           ', line 2: column "nobody" does not exist (42703)\n'
                           "  statement: select nobody, 1 as one\n"),
    "export, data": ("export", "-- system: tripica\nselect 1 / id as a, 2 as b from generate_series(0, 1) as id;\n",
                     ", line 2: division by zero (22012)\n"
                     "  statement: select 1 / id as a, 2 as b from generate_series(0, 1) as id\n"),
    "export, name": ("export", "\n-- system: tripica\nselect 1 as a,\n nobody\n",
                     ', line 4: column "nobody" does not exist (42703)\n  statement: select 1 as a, nobody\n'),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_an_error_names_file_line_and_statement(task: Task, name: str) -> None:
    """Also where the server gives no position, and where the query was sent as part of another one."""
    kind, sql, expected = BROKEN[name]
    task.start(sql, kind=kind)
    assert task.output().endswith(f"010_long.sql{expected}")
    task.leaves_nothing()


def test_session_settings(postgres: EmbeddedPostgres) -> None:
    name = session_name("enercity", "prod", "3f9a1c2e", "init.bookkeeper.050_bookkeeper_results")
    settings = session_settings(application_name=name, statement_seconds=3590, sql_settings={"work_mem": "64MB"})
    expected = {
        "application_name": name,
        "statement_timeout": "3590s",
        "lock_timeout": "5min",
        "idle_in_transaction_session_timeout": "10min",
        "client_connection_check_interval": "2s",
        "tcp_keepalives_idle": "3",
        "tcp_user_timeout": "6000",
        "work_mem": "64MB",
    }
    with psycopg.connect(postgres.dsn()) as connection:
        own_session(connection, settings)
        found = {setting: connection.execute(f"show {setting}").fetchone() for setting in expected}
    assert found == {setting: (value,) for setting, value in expected.items()}


NAMES = {
    "fits": (("enercity", "prod", "audits.tripica.110_list"), "bda:enercity/prod:3f9a1c2e:audits.tripica.110_list"),
    "long task": (
        ("purpur-energy", "playground", "init.tripica.060_charge_specific_balance_dates"),
        None,
    ),
    "long client": (("a" * 40, "playground", "publish.publish"), None),
    "odd characters": (("q-cells", "dev", "export.käse käse"), "bda:q-cells/dev:3f9a1c2e:export.k_se_k_se"),
}  # fmt: skip


@pytest.mark.parametrize("case", NAMES)
def test_session_names(case: str) -> None:
    (client, environment, task_id), expected = NAMES[case]
    name = session_name(client, environment, "3f9a1c2e", task_id)
    assert len(name.encode()) <= 63
    assert ":3f9a1c2e:" in name
    assert expected in (None, name)


def test_long_names_stay_apart() -> None:
    tasks = [
        f"init.tripica.500_a_name_that_differs_in_{number:03}_its_middle_alone_and_is_too_long" for number in range(200)
    ]
    names = {session_name("purpur-energy", "playground", "3f9a1c2e", task) for task in tasks}
    assert len(names) == 200
    assert all(len(name) <= 63 for name in names)
