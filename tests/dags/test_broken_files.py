"""A broken file breaks only the DAGs that use it, with one line of explanation."""

from __future__ import annotations

import os
import socket
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from billing_aggregator.cli.validate import validate
from billing_aggregator.config import ClientConfig, load_client, load_clients
from billing_aggregator.dag.build import build_or_explain
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.sdk import DAG

CLIENTS = """
systems: {bookkeeper: {}, tripica: {needs: [bookkeeper]}}
defaults: {s3_bucket: exports, schedule: null, alerts: {email: [a@example.org]}}
clients:
  one: {prod: {}}
  two: {prod: {}, stage: {}}
  small: {prod: {systems: [bookkeeper]}}
"""
FILES = {
    "prechecks/bookkeeper/100_there.sql": "-- fail: there is something\nselect 1 where false;\n",
    "init/bookkeeper/010_a.sql": "create table x as select 1;\n",
    "init/tripica/010_b.sql": "select 1;\n",
    "init/tripica/two/010_b.sql": "select 2;\n",
    "archive/customer/oibl.sql": "-- system: tripica\nselect 1 as a\n",
}
ALL = {"one_prod", "two_prod", "two_stage", "small_prod"}
TWO = {"two_prod", "two_stage"}
OF_TRIPICA = ALL - {"small_prod"}
SCRIPT = "init/tripica/two/010_b.sql"
ADDED = "init/tripica/two/030_d.sql"
SHARED = "init/tripica/020_c.sql"
QUERY = "archive/customer/oibl.sql"


@pytest.fixture
def sql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An include folder with four entries; returns its SQL root."""
    root = tmp_path / "include" / "sql"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    (tmp_path / "include" / "clients.yaml").write_text(CLIENTS, encoding="utf-8")
    monkeypatch.setattr("billing_aggregator.config.load.include_folder", lambda: tmp_path / "include")
    return root


@pytest.fixture(autouse=True)
def _outside_of_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.bases.operator import ExecutorSafeguard

    monkeypatch.setattr(ExecutorSafeguard, "test_mode", True)


def replaced(make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Return a function that replaces a file by something else."""

    def do(path: Path) -> object:
        path.unlink(missing_ok=True)
        return make(path)

    return do


def a_socket(path: Path) -> None:
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(path.parent)  # the path of a socket is short
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.fchdir(here)
        os.close(here)


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(17 * 1024 * 1024)


def bytes_of(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def loop(path: Path) -> None:
    path.symlink_to(path.name)


BROKEN: dict[str, tuple[str, Callable[[Path], object], set[str], str]] = {
    "Latin-1 script": (SCRIPT, bytes_of(b"select '\xe4';"), TWO, "010_b.sql, line 1: byte 8 is not UTF-8; save"),
    "Latin-1 in a later line": (
        SCRIPT,
        bytes_of(b"-- a\n\n-- \xe4"),
        TWO,
        "line 3: byte 9 is not UTF-8; save the file",
    ),
    "Latin-1 check": (
        "prechecks/bookkeeper/100_there.sql",
        bytes_of(b"-- fail: \xe4\nselect 1"),
        ALL,
        "line 1: byte 9 is not UTF-8",
    ),
    "Latin-1 query": (
        QUERY,
        bytes_of(b"-- system: tripica\nselect '\xe4'"),
        OF_TRIPICA,
        "line 2: byte 27 is not UTF-8",
    ),
    "Latin-1 first line of a query": (
        QUERY,
        bytes_of(b"-- \xe4\nselect 1"),
        ALL,
        "oibl.sql, line 1: byte 3 is not UTF-8",
    ),
    "UTF-16": (SCRIPT, bytes_of("select 1".encode("utf-16")), TWO, "line 1: byte 0 is not UTF-8"),
    "byte order mark": (SCRIPT, bytes_of(b"\xef\xbb\xbfselect 1"), TWO, "starts with a byte order mark; save"),
    "NUL": (SCRIPT, bytes_of(b"select 1;\n\0"), TWO, "line 2: byte 10 is NUL, which is not allowed in text; remove it"),
    "empty": (SCRIPT, bytes_of(b""), TWO, "two/010_b.sql: holds no statement; add one, or start its name with NOEXEC_"),
    "blank": (SHARED, bytes_of(b" \n\n"), OF_TRIPICA, "020_c.sql: holds no statement; add one, or start"),
    "huge": (SCRIPT, huge, TWO, "holds more than 16,777,216 bytes; SQL files should not contain data"),
    "folder": (SCRIPT, replaced(lambda path: path.mkdir()), TWO, "two/010_b.sql: is a folder, not a file; remove or"),
    "folder among shared scripts": (
        SHARED,
        lambda path: path.mkdir(),
        OF_TRIPICA,
        "020_c.sql: is a folder, not a file",
    ),
    "folder as query": (QUERY, replaced(lambda path: path.mkdir()), ALL, "oibl.sql: is a folder, not a file"),
    "link to itself": (SCRIPT, replaced(loop), TWO, "two/010_b.sql: is a link that leads back to itself"),
    "link to nothing": (
        SCRIPT,
        replaced(lambda path: path.symlink_to("x")),
        TWO,
        "is a link to x, which does not exist",
    ),
    "link to itself as query": (QUERY, replaced(loop), ALL, "oibl.sql: is a link that leads back to itself"),
    "pipe": (SCRIPT, replaced(os.mkfifo), TWO, "two/010_b.sql: is a named pipe, not a file"),
    "pipe as query": (QUERY, replaced(os.mkfifo), ALL, "oibl.sql: is a named pipe, not a file"),
    "socket": (SCRIPT, replaced(a_socket), TWO, "two/010_b.sql: is a socket, not a file"),
    "device": (SCRIPT, replaced(lambda path: path.symlink_to("/dev/zero")), TWO, "010_b.sql: is a device, not a file"),
    "client's folder is a file": (
        "init/tripica/one",
        bytes_of(b""),
        {"one_prod"},
        "one: is not a folder; remove or rename",
    ),
    "client's folder is a broken link": (
        "init/tripica/one",
        lambda path: path.symlink_to("x"),
        {"one_prod"},
        "tripica/one: is a link to x, which does not exist",
    ),
    "system's folder is a file": ("audits", bytes_of(b""), ALL, "audits: is not a folder; remove or rename it"),
    "name of odd bytes": (
        "init/tripica/two/020_\udce4.sql",
        bytes_of(b"select 1"),
        TWO,
        "two/020_\\xe4.sql: a script's name is NNN_what_it_makes.sql",
    ),
    "name with a line break": (
        "init/tripica/two/020_a\nb.sql",
        bytes_of(b"select 1"),
        TWO,
        "020_a\\x0ab.sql: a script's",
    ),
    "query's name": (
        "archive/customer/OIBL.sql",
        bytes_of(b"select 1"),
        ALL,
        "OIBL.sql: an export is <audience>/<query>",
    ),
    "queries with one group": (
        "archive/tripica/results.sql",
        bytes_of(b"select 1"),
        OF_TRIPICA,
        "the exports tripica_results and tripica/results have the same task group; rename one",
    ),
    "folder of a phase's earlier name": (
        "export/tripica/010_release.sql",
        bytes_of(b"select 1;"),
        ALL,
        "sql/export: the phase is called release: rename the folder",
    ),
    "heading that is nearly one": (QUERY, bytes_of(b"-- System: tripica\nselect 1"), ALL, "is not '-- system: <name>'"),
    "heading without such a system": (
        QUERY,
        bytes_of(b"-- system: sap\nselect 1"),
        ALL,
        "'-- system: sap' is not a system",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_only_dags_that_use_the_file_are_broken(sql: Path, name: str) -> None:
    file, breaks, broken, reason = BROKEN[name]
    (sql / file).parent.mkdir(parents=True, exist_ok=True)
    breaks(sql / file)
    dags = the_dags()
    assert set(dags) == ALL
    shown = {dag: [line for line in str(found.doc_md).splitlines() if line] for dag, found in dags.items()}
    assert {dag for dag, found in dags.items() if "broken" in found.tags} == broken
    for dag in broken:
        assert len(shown[dag]) == 1, shown[dag]
        assert reason in shown[dag][0]
        assert str(sql) in shown[dag][0]
        shown[dag][0].encode()
    problems = validate().problems
    assert any(reason in problem for problem in problems), problems


def test_a_file_that_may_not_be_read(sql: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def refusing(path: Any, flags: int, *more: Any) -> int:
        if str(path).endswith(SCRIPT):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, flags, *more)

    monkeypatch.setattr(os, "open", refusing)
    dags = the_dags()
    assert {dag for dag, found in dags.items() if "broken" in found.tags} == TWO
    assert "010_b.sql: may not be read by user" in str(dags["two_prod"].doc_md)


def test_all_problems_are_shown_at_once(sql: Path) -> None:
    (sql / SCRIPT).write_bytes(b"\xe4")
    (sql / "init/tripica/two/020_x.sql").mkdir()
    (sql / QUERY).write_bytes(b"-- system: tripica\n\xe4")
    dag = the_dags()["two_prod"]
    assert "broken" in dag.tags
    assert len(str(dag.doc_md).splitlines()) == 3


@pytest.mark.parametrize("surprise", [RecursionError("too deep"), KeyError("x"), RuntimeError("half-way")])
def test_an_unexpected_error_takes_no_other_client_down(
    sql: Path, monkeypatch: pytest.MonkeyPatch, surprise: Exception
) -> None:
    from billing_aggregator.dag import build as dag_build
    from billing_aggregator.dag.export_phases import publish_phase

    def publish(config: ClientConfig, *more: Any) -> Any:
        if config.client == "one":
            raise surprise
        return publish_phase(config, *more)

    monkeypatch.setattr(dag_build, "publish_phase", publish)
    dags = the_dags()
    assert {dag for dag, found in dags.items() if "broken" in found.tags} == {"one_prod"}
    assert list(dags["one_prod"].task_dict) == ["configuration_error"]
    assert str(dags["one_prod"].doc_md) == f"{type(surprise).__name__}: {surprise}"


def test_a_wrong_sql_folder_is_shown_by_each_dag(sql: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ("/nowhere", str(sql / QUERY), "~nobody-at-all/x"):
        monkeypatch.setenv("BDA_SCRIPTS_DIR", wrong)
        dags = the_dags()
        assert all("broken" in dag.tags and "BDA_SCRIPTS_DIR = " in str(dag.doc_md) for dag in dags.values()), wrong


@pytest.mark.parametrize(
    ("breaks", "reason"),
    [
        (bytes_of(b"clients: {\xe4: {}}"), "clients.yaml, line 1: byte 10 is not UTF-8; save the file as UTF-8"),
        (replaced(lambda path: path.mkdir()), "clients.yaml: is a folder, not a file"),
        (replaced(loop), "clients.yaml: is a link that leads back to itself"),
        (replaced(lambda path: path.symlink_to("x")), "clients.yaml: is a link to x, which does not exist"),
        (replaced(os.mkfifo), "clients.yaml: is a named pipe, not a file"),
    ],
    ids=["Latin-1", "folder", "loop", "dangling link", "pipe"],
)
def test_a_clients_file_that_cannot_be_read_is_one_line(
    sql: Path, breaks: Callable[[Path], object], reason: str
) -> None:
    breaks(sql.parent / "clients.yaml")
    with pytest.raises(ValueError, match=r"clients\.yaml") as refusal:
        load_clients()
    assert reason in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1
    assert any(reason in problem for problem in validate().problems)


VANISHING: dict[str, Callable[[Path], object]] = {
    "removed": lambda path: path.unlink(),
    "Latin-1": bytes_of(b"\xe4"),
    "emptied": bytes_of(b"-- nothing\n"),
    "folder": replaced(lambda path: path.mkdir()),
}


@pytest.mark.parametrize("name", VANISHING)
@pytest.mark.parametrize(
    ("file", "task_id"), [(ADDED, "init.tripica.030_d"), (QUERY, "export.customer_oibl.plan")], ids=["script", "query"]
)
def test_a_file_that_breaks_after_the_dag_was_built_fails_its_task_in_one_line(
    sql: Path, name: str, file: str, task_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from billing_aggregator.operators.run_aware import RunAwareOperator

    monkeypatch.setattr(RunAwareOperator, "heartbeats", False)
    monkeypatch.setattr(RunAwareOperator, "bind_log", lambda *_: None)
    monkeypatch.setattr(RunAwareOperator, "warehouse_hook", lambda *_: SimpleNamespace())
    (sql / ADDED).write_text("select 1;\n", encoding="utf-8")
    config = load_client("two", "prod")
    dag = build_or_explain(config)
    assert dag is not None
    VANISHING[name](sql / file)
    task: Any = dag.task_dict[task_id]
    assert file in fails(task, dag)
    # A worker builds the DAG again for each task, and the file may be missing by then.
    for wanted in (task_id, "init.bookkeeper.010_a"):
        rebuilt = build_or_explain(config, wanted)
        assert rebuilt is not None
        assert wanted in rebuilt.task_dict
        if wanted == task_id:
            said = fails(rebuilt.task_dict[wanted], rebuilt)
            assert wanted in said or file in said
        else:
            assert "broken" not in rebuilt.tags, rebuilt.doc_md


@pytest.mark.parametrize(
    ("added", "stopped"),
    [
        ("init/tripica/mistake.sql", {"init.tripica.010_b"}),
        ("prechecks/tripica", {"prechecks.tripica.100_x"}),
        ("archive/customer/MISTAKE.sql", {"export.customer_oibl.plan", "publish.publish"}),
        ("export/tripica/010_a.sql", set()),
    ],
)
def test_a_worker_is_stopped_only_by_names_that_decide_what_its_task_is(
    sql: Path, added: str, stopped: set[str]
) -> None:
    """A client's script replaces another one by its name, and what is published is the whole list of exports."""
    config = load_client("two", "prod")
    (sql / added).parent.mkdir(parents=True, exist_ok=True)
    (sql / added).write_bytes(b"select 1;")
    whole = build_or_explain(config)
    assert whole is not None
    assert "broken" in whole.tags
    tasks = {"init.bookkeeper.010_a", "init.tripica.010_b", "export.customer_oibl.plan", "publish.publish"}
    for task_id in tasks | stopped:
        dag = build_or_explain(config, task_id)
        assert dag is not None
        assert ("broken" in dag.tags) == (task_id in stopped), (task_id, dag.doc_md)
        if task_id in stopped:
            assert added in str(dag.doc_md)


def test_the_task_of_a_broken_dag_reports_the_same_on_a_worker(sql: Path) -> None:
    (sql / SCRIPT).write_bytes(b"\xe4")
    config = load_client("two", "prod")
    for fixed, reason in ((False, "010_b.sql, line 1: byte 0 is not UTF-8"), (True, "has been fixed since")):
        if fixed:
            (sql / SCRIPT).write_bytes(b"select 1")
        dag = build_or_explain(config, "configuration_error")
        assert dag is not None
        assert reason in fails(dag.task_dict["configuration_error"], dag)


@pytest.mark.parametrize("client", ["x" * 400, "Ein Kunde", "ä", "a/b", ".."])
def test_a_wrong_client_name_takes_no_other_down(sql: Path, client: str) -> None:
    path = sql.parent / "clients.yaml"
    path.write_text(CLIENTS + f'  "{client}": {{prod: {{}}}}\n', encoding="utf-8")
    dags = the_dags()
    assert len(dags) == 5
    assert len({name for name in dags if "broken" in dags[name].tags}) == 1


def fails(task: Any, dag: DAG) -> str:
    """Run *task* as a worker does; return its error, one line that is never retried."""
    context: Any = {
        "run_id": "r",
        "ti": SimpleNamespace(xcom_pull=lambda **_: None, xcom_push=lambda **_: None),
        "dag_run": SimpleNamespace(conf={}, logical_date=None, run_after=dag.start_date),
        "params": {
            "systems": ["bookkeeper", "tripica"],
            "ignore_systems": [],
            "business_date": None,
            "dry_run": False,
            "max_rows_per_file": 1,
        },
    }
    task.render_template_fields(context, dag.get_template_env())
    with pytest.raises(AirflowFailException) as failure:
        task.execute(context)
    assert len(str(failure.value).splitlines()) == 1
    return str(failure.value)


def the_dags() -> dict[str, DAG]:
    """Return what Airflow finds in the DAG file: entry -> DAG."""
    from airflow.dag_processing.dagbag import BundleDagBag

    folder = ROOT / "dags"
    bag = BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags-folder")
    assert not bag.import_errors
    return {name.removeprefix("billing_data_aggregator_"): dag for name, dag in bag.dags.items()}
