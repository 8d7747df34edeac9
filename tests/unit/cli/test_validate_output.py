"""What ``validate`` says: warnings, wrong variables, for people and for machines; runs say the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from billing_aggregator.cli import main
from billing_aggregator.cli.validate import validate
from tests.unit.cli.include_folder import CLIENTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest


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


def test_a_schedule_that_the_clocks_move_over_midnight_is_a_warning(include: Callable[[dict[str, str]], Path]) -> None:
    channel = "alerts: {slack: true}"
    include({"clients.yaml": CLIENTS.replace("one: {prod: {}", f"one: {{prod: {{schedule: 30 22 * * *, {channel}}}")})
    assert validate().warnings[0] == (
        "one/prod: schedule '30 22 * * *' is 23:30 or 00:30 in Europe/Berlin: when the clocks change, a business date "
        "is left out, or has two nights; choose an hour away from midnight"
    )
