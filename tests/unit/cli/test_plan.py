"""``plan`` and the command line itself: output and exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.cli import main
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def planned(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["plan", "--json", *arguments]) == 0
    data: dict[str, Any] = json.loads(capsys.readouterr().out)
    return data


def test_the_plan_has_every_phase_script_and_key(capsys: pytest.CaptureFixture[str]) -> None:
    plan = planned(capsys, "--client", "q-cells", "--environment", "prod")
    assert plan["systems"] == ["bookkeeper", "tripica"]
    assert plan["schedule"] == "0 2 * * *"
    assert plan["database_connection"] == "octopus_q-cells_prod"
    assert list(plan["phases"]) == ["prechecks", "init", "audits", "release", "history", "cleanup"]
    scripts = plan["phases"]["init"]["bookkeeper"]
    assert [script["stage"] for script in scripts] == sorted(script["stage"] for script in scripts)
    assert {"name": "020_vat_booking_accounts", "folder": "q-cells"}.items() <= scripts[1].items()
    assert all("severity" in check for check in plan["phases"]["audits"]["tripica"])
    assert {export["first_key"] for export in plan["exports"]} == {
        "q-cells/prod/bookkeeper_results_0000.csv",
        "q-cells/prod/tripica_results_0000.csv",
        "q-cells/prod/customer/oibl_0000.csv",
    }
    assert plan["manifest_key"] == "q-cells/prod/_manifest.json"


def test_a_client_without_a_folder_gets_the_default_one(capsys: pytest.CaptureFixture[str]) -> None:
    plan = planned(capsys, "--client", "new-client", "--environment", "dev")
    assert plan["phases"]["init"]["bookkeeper"][1]["folder"] == "default"


def test_the_plan_says_from_where_a_system_waits(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--client", "enercity", "--environment", "prod"]) == 0
    init, audits = capsys.readouterr().out.split("\ninit\n")[1].split("\naudits\n")
    assert "\n  tripica, from 060 on behind bookkeeper\n" in init
    assert "\n  tripica\n" in audits


def test_left_out_systems_and_dry_runs_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--ignore-systems", "tripica", "--dry-run", "--business-date", "2026-01-31"]) == 0
    text = capsys.readouterr().out
    assert "systems        bookkeeper; left out: tripica" in text
    assert "business date  2026-01-31" in text
    assert "\n  tripica: left out\n" in text
    assert "publish\n    skipped: dry run" in text
    assert "bookkeeper: skipped, dry run" in text
    assert "tripica_results_0000.csv" not in text


def test_checks_show_what_must_hold_and_a_clients_severity(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "include/clients.yaml").read_text(encoding="utf-8")
    lowered = "    local: {check_severity: {audits/tripica/110_list_not_empty: info}}"
    (tmp_path / "clients.yaml").write_text(text.replace("    local: {}", lowered), encoding="utf-8")
    (tmp_path / "sql").symlink_to(ROOT / "include/sql")
    monkeypatch.setattr("billing_aggregator.config.load.include_folder", lambda: tmp_path)
    assert main(["plan"]) == 0
    assert "110_list_not_empty                  info: the list is not empty" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--systems", "tripica"], "system tripica reads tables of bookkeeper"),
        (["--systems", "sap"], "systems: enercity/local has no system sap"),
        (["--ignore-systems", "bookkeeper,tripica"], "no system is left to run"),
        (["--max-rows-per-file", "0"], "max_rows_per_file = 0: must be a whole number from 1"),
        (["--business-date", "tomorrow"], "business_date = 'tomorrow': must be a day as YYYY-MM-DD"),
        (["--environment", "prdo"], "environment = 'prdo': must be one of dev, stage, prod, local, playground"),
        (["--client", "Enercity"], "client = 'Enercity': must be 1 to 40 lower-case letters"),
    ],
)
@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_wrong_call_is_refused_before_anything_starts(
    capsys: pytest.CaptureFixture[str], command: str, arguments: list[str], message: str
) -> None:
    assert main([command, *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert message in captured.err
    assert main([command, "--json", *arguments]) == 2
    assert message in json.loads(capsys.readouterr().out)["problems"][0]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("BDA_DB_PORT", "99999", "BDA_DB_PORT = '99999': must be a whole number from 1 to 65535"),
        ("BDA_SCRIPTS_DIR", "/nowhere", "BDA_SCRIPTS_DIR = '/nowhere': /nowhere/init is not a folder"),
        ("BDA_SYSTEMS", "tripica", "system tripica reads tables of bookkeeper"),
    ],
)
def test_a_wrong_environment_stops_a_run_before_anything_starts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["run"]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


def test_a_disabled_client_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "defaults: {s3_bucket: abc, enabled: false}\nclients: {enercity: {local: {}}}\n"
    (tmp_path / "clients.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr("billing_aggregator.config.load.include_folder", lambda: tmp_path)
    assert main(["run"]) == 2
    assert "enercity/local is not enabled in clients.yaml; set enabled: true" in capsys.readouterr().err


def test_an_unknown_command_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        main(["explode"])
    assert refusal.value.code == 2
    assert "invalid choice" in capsys.readouterr().err


def test_help_names_the_commands_and_the_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(["--help"])
    assert done.value.code == 0
    text = capsys.readouterr().out
    for word in ("validate", "health", "plan", "run", "exit status", "130"):
        assert word in text


def test_an_interruption_has_its_own_status(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(import_module("billing_aggregator.cli.main"), "validate", interrupted)
    assert main(["validate"]) == 130
    assert "interrupted: everything that was started is stopped" in capsys.readouterr().err


def test_a_reader_that_stops_early_is_no_error() -> None:
    command = f"{sys.executable} -m billing_aggregator plan | head -1"
    environment = {"PYTHONPATH": str(ROOT / "plugins"), "PATH": os.environ["PATH"]}
    done = subprocess.run(["/bin/sh", "-c", command], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Plan of enercity / local")
    assert done.stderr == ""


def test_output_of_libraries_is_not_part_of_the_answer(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from billing_aggregator.cli.validate import Validation

    def noisy() -> Validation:
        print("a library's warning")
        return Validation((), (), {})

    monkeypatch.setattr(import_module("billing_aggregator.cli.main"), "validate", noisy)
    assert main(["validate", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["ok"] is True
    assert "a library's warning" in captured.err
