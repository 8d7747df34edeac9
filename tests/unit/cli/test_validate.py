"""``validate``: every kind of mistake is found without a connection, all of them at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from billing_aggregator.cli import main
from billing_aggregator.cli.validate import Validation, validate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CLIENTS = """
systems: {bookkeeper: {}, tripica: {needs: [bookkeeper]}}
defaults: {s3_bucket: exports, schedule: null}
clients:
  one: {prod: {}, stage: {}}
  two: {prod: {}}
"""
CHECK = "-- fail: there is something\nselect 1 where false;\n"


@pytest.fixture
def include(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], Path]:
    """Return a function that writes an include folder: clients, good scripts, and the given files on top."""

    def write(files: dict[str, str]) -> Path:
        folder = tmp_path / "include"
        good = {
            "clients.yaml": CLIENTS,
            "sql/prechecks/bookkeeper/100_there.sql": CHECK,
            "sql/init/bookkeeper/010_a.sql": "create table x as select 1;\n",
            "sql/init/tripica/010_b.sql": "select $$ begin; $$; -- commit;\n",
            "sql/init/tripica/two/010_b.sql": "select 2;\n",
            "sql/archive/customer/oibl.sql": "select 1 as a\n",
        }
        for name, text in (good | files).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return folder

    monkeypatch.setattr("billing_aggregator.config.load.include_folder", lambda: tmp_path / "include")
    return write


def test_a_good_folder_is_valid(include: Callable[[dict[str, str]], Path]) -> None:
    include({})
    assert validate() == Validation((), (), {"clients and environments": 3, "scripts and checks": 4, "exports": 3})


MISTAKES = [
    (
        "clients.yaml",
        CLIENTS.replace("one: {prod: {}", "one: {prod: {retrys: 1}"),
        "retrys: unknown key; did you mean r",
    ),
    ("clients.yaml", CLIENTS.replace("{prod: {}, stage", "{prod: {systems: [sap]}, stage"), "unknown system sap"),
    ("clients.yaml", CLIENTS.replace("  two: {prod: {}}", "  one: {dev: {}}"), "duplicate key one"),
    (
        "clients.yaml",
        CLIENTS.replace("exports,", "exports, key_template: '{file}',"),
        "the files of two clients or environments would",
    ),
    (
        "clients.yaml",
        CLIENTS.replace("two: {prod: {}}", "two: {prod: {check_severity: {a: warn}}}"),
        "there is no check a",
    ),
    ("sql/init/bookkeeper/mistake.sql", "select 1;", "mistake.sql: a script's name is NNN_what_it_makes.sql"),
    ("sql/init/bookkeeper/020_a.sql", "select 1;", "020_a.sql: 010_a.sql in the same folder has the same name"),
    ("sql/init/tripica/one/1_b.sql", "select 1;", "one/1_b.sql: a script's name is NNN_what_it_makes.sql"),
    (
        "sql/init/tripica/020_c.sql",
        "\ufeffselect 1;",
        "starts with a byte order mark; save the file as UTF-8 without BOM",
    ),
    (
        "sql/init/tripica/020_c.sql",
        "-- nothing yet\n",
        "020_c.sql: holds no statement; add one, or start its name with",
    ),
    ("sql/init/tripica/020_c.sql", "select 1;\nCommit;", "020_c.sql, line 2: Commit cannot stand in a script"),
    ("sql/init/tripica/020_c.sql", "vacuum analyze x;", "020_c.sql, line 1: vacuum cannot stand in a script"),
    (
        "sql/init/tripica/020_c.sql",
        "create unique index\n concurrently on x (a);",
        "create unique index concurrently cannot",
    ),
    (
        "sql/audits/tripica/100_x.sql",
        "select 1;",
        "100_x.sql: the first line of a check is '-- fail: <what must hold>'",
    ),
    ("sql/audits/tripica/100_x.sql", "-- fail: a\n", "100_x.sql: there is no SELECT below the comments"),
    ("sql/init/sap/010_x.sql", "select 1;", "init/sap: no system has this name; known: bookkeeper, tripica"),
    ("sql/export/tripica/010_x.sql", "select 1;", "sql/export: the phase is called release: rename the folder"),
    ("sql/intit/tripica/010_x.sql", "select 1;", "intit: no phase has this name; the phases are prechecks, init"),
    ("sql/audits/tripica/100_x.sql", "-- fail: a\nselect 1; select 2;\n", "100_x.sql: a check is one query: SELECT"),
    ("sql/archive/customer/oibl.sql", "delete from x", "oibl.sql: an export is one query: SELECT"),
    ("sql/archive/customer/oibl.sql", "select 1; select 2", "oibl.sql: an export is one query: SELECT"),
    (
        "sql/archive/customer/oibl.sql",
        "-- system: tripika\nselect 1",
        "'-- system: tripika' is not a system; did you mean",
    ),
    ("sql/init/tripica/020_c.sql", "select 1;\n\\i other.sql\n", "020_c.sql, line 2: \\i is a command of psql"),
    ("sql/init/tripica/020_c.sql", "\\set a 1\nselect 1;\n", "020_c.sql, line 1: \\set is a command of psql"),
    ("sql/init/tripica/020_c.sql", "\\restrict x\nselect 1;\n", "020_c.sql, line 1: \\restrict is a command of psql"),
    ("sql/init/tripica/020_c.sql", "select 1;\ncopy x from stdin;\n1\n\\.\n", "line 2: COPY ... FROM STDIN waits for"),
    ("sql/init/tripica/020_c.sql", "select 1;\n\nabort;\n", "020_c.sql, line 3: abort cannot stand in a script"),
    ("sql/init/tripica/020_c.sql", "do $$\nbegin commit; end $$;\n", "line 2: commit cannot stand in a block of a"),
    ("sql/audits/tripica/100_x.sql", "-- fail: a\nselect :'x';\n", "100_x.sql, line 2: :'x' is a variable of psql"),
    (
        "sql/audits/tripica/100_x.sql",
        "-- fail: a\nwith x as (delete from y returning 1) select * from x;\n",
        "100_x.sql: a check is one query that only reads",
    ),
    ("sql/archive/customer/oibl.sql", "select 1 as a \\gset\n", "oibl.sql, line 1: \\gset is a command of psql"),
    ("sql/archive/Kunde/oibl.sql", "select 1", "Kunde/oibl.sql: an export is <audience>/<query>.sql"),
]


@pytest.mark.parametrize(("name", "text", "message"), MISTAKES, ids=[message[:30] for *_, message in MISTAKES])
def test_a_mistake_is_found_once(include: Callable[[dict[str, str]], Path], name: str, text: str, message: str) -> None:
    include({name: text})
    found = validate()
    assert found.status == 2
    matching = [problem for problem in found.problems if message in problem]
    assert matching
    assert len(matching) == len(set(matching))


def test_the_same_stops_a_run_on_this_machine(
    include: Callable[[dict[str, str]], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = include({"sql/init/tripica/020_c.sql": "abort;", "sql/audits/tripica/100_x.sql": "select 1"})
    (folder / "sql/archive/customer/oibl.sql").write_bytes(b"select '\xe4'")
    assert main(["run", "--client", "one", "--environment", "prod"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert any("020_c.sql, line 1: abort cannot stand in a script" in line for line in said)
    assert any("oibl.sql, line 1: byte 8 is not UTF-8; save the file as UTF-8" in line for line in said)
    # A command that reads the first lines of checks reports the same, in one line without a traceback.
    assert main(["plan", "--client", "one", "--environment", "prod"]) == 2
    assert "100_x.sql: the first line of a check is" in capsys.readouterr().err


def test_a_system_without_scripts_is_found(include: Callable[[dict[str, str]], Path]) -> None:
    folder = include({})
    (folder / "sql/init/tripica/010_b.sql").unlink()
    found = validate()
    assert any("init/tripica: system tripica has no scripts here" in problem for problem in found.problems)
    assert not any("of two/prod" in problem for problem in found.problems), "two has a script of its own"


def test_a_missing_sql_folder_is_found(
    include: Callable[[dict[str, str]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    include({})
    monkeypatch.setenv("BDA_SCRIPTS_DIR", "/nowhere")
    assert validate().problems == (
        "BDA_SCRIPTS_DIR = '/nowhere': /nowhere/init is not a folder; it must hold <system>/NNN_what_it_makes.sql",
    )


def test_all_mistakes_are_reported_at_once(include: Callable[[dict[str, str]], Path]) -> None:
    include({name: text for name, text, _ in MISTAKES[5:14]} | {"clients.yaml": CLIENTS.replace("null", "never")})
    assert len(validate().problems) >= 6


def test_alerts_that_reach_nobody_are_a_warning(include: Callable[[dict[str, str]], Path]) -> None:
    with_alerts = "two: {prod: {schedule: 0 2 * * *, alerts: {email: [a@example.org], slack: true}}}"
    include(
        {
            "clients.yaml": CLIENTS.replace("one: {prod: {}", "one: {prod: {schedule: 0 2 * * *}").replace(
                "two: {prod: {}}", with_alerts
            )
        }
    )
    found = validate()
    assert found.status == 0
    assert found.warnings == (
        "one/prod: runs on a schedule and tells nobody when it fails; set alerts.email or alerts.slack",
        "two/prod: alerts by mail need the Airflow connection smtp_default, which is not here",
        "two/prod: alerts by Slack need the Airflow connection slack_alerts, which is not here",
    )


def test_alert_connections_that_cannot_be_read_are_not_reported_as_missing(
    include: Callable[[dict[str, str]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_alerts = "two: {prod: {alerts: {email: [a@example.org], slack: true}}}"
    include({"clients.yaml": CLIENTS.replace("two: {prod: {}}", with_alerts)})
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", "{")
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_ALERTS", "mysql://db")
    warnings = validate().warnings
    assert len(warnings) == 2
    assert warnings[0].startswith("two/prod: alerts by mail: connection smtp_default cannot be read: its JSON")
    assert warnings[1].startswith("two/prod: alerts by Slack: connection slack_alerts cannot be read: it is of type")


def test_people_and_machines_read_the_same(
    include: Callable[[dict[str, str]], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    include({"sql/init/tripica/mistake.sql": "select 1;"})
    assert main(["validate"]) == 2
    text = capsys.readouterr().out
    assert text.startswith("problem: ")
    assert text.splitlines()[-1] == "1 problems: 3 clients and environments, 2 scripts and checks, 3 exports"
    assert main(["validate", "--json"]) == 2
    data = json.loads(capsys.readouterr().out)
    assert data["ok"] is False
    assert f"problem: {data['problems'][0]}" == text.splitlines()[0]


def test_wrong_variables_are_problems_too(
    include: Callable[[dict[str, str]], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    include({})
    monkeypatch.setenv("BDA_DB_PORT", "99999")
    monkeypatch.setenv("BDA_LOG_LEVLE", "INFO")
    assert main(["validate"]) == 2
    assert capsys.readouterr().out.splitlines()[:2] == [
        "problem: unknown variable BDA_LOG_LEVLE; did you mean BDA_LOG_LEVEL?",
        "problem: BDA_DB_PORT = '99999': must be a whole number from 1 to 65535",
    ]


def test_a_wrong_variable_hides_nothing_else(
    include: Callable[[dict[str, str]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = CLIENTS.replace("one: {prod: {}", "one: {prod: {retries: 99, schedule: x}").replace(
        "two: {prod: {}}", "two: {prod: {max_rows_per_file: 010}}"
    )
    include(
        {
            "clients.yaml": clients,
            "sql/init/tripica/020_c.sql": "commit;",
            "sql/archive/customer/oibl.sql": "delete from x",
        }
    )
    for name, value in {"S3_BUCKET": "b", "SYSTEMS": "tripica,nosuch", "DB_PORT": "0100", "NO_SUCH": "1"}.items():
        monkeypatch.setenv(f"BDA_{name}", value)
    found = validate().problems
    wanted = [
        "BDA_S3_BUCKET = 'b': must be a bucket's name",
        "BDA_SYSTEMS = 'tripica,nosuch': unknown system nosuch; known: bookkeeper, tripica; system tripica reads",
        "BDA_DB_PORT = '0100': must be a whole number from 1 to 65535",
        "unknown variable BDA_NO_SUCH",
        "clients.one.prod: retries = 99: must be",
        "clients.one.prod: schedule = 'x': must be",
        "line 6: clients.two.prod: max_rows_per_file = 010: YAML 1.1 reads 8, YAML 1.2 10",
        "020_c.sql, line 1: commit cannot stand in a script",
        "oibl.sql: an export is one query",
    ]
    assert [[problem for problem in found if part in problem][:1] for part in wanted] == [
        [next((problem for problem in found if part in problem), part)] for part in wanted
    ]
    assert len(found) == len(wanted)


def test_the_projects_own_files_are_valid() -> None:
    found = validate()
    assert found.problems == ()
    assert found.counts["clients and environments"] == 9
