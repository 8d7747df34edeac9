"""Machines without a home or a writable project, or with a proxy."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING

import pytest

from billing_aggregator.cli.airflow_home import airflow_home
from billing_aggregator.config import ClientConfig, ConfigError
from billing_aggregator.config.home import home_folder, is_writable
from billing_aggregator.config.load import sql_root
from billing_aggregator.local import run
from billing_aggregator.local.loopback import direct_loopback, loopback_exceptions
from tests.conftest import ROOT
from tests.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    from billing_aggregator.local.s3 import LocalS3

PROXY = "http://127.0.0.1:9"
# A user unknown to the machine, as Python sees it.
UNKNOWN_USER = "import pwd; pwd.getpwuid = {}.__getitem__; pwd.getpwnam = {}.__getitem__\n"
COMMAND = "import sys; from billing_aggregator.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "USER", "LOGNAME", "AIRFLOW_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_the_local_store_is_reached_past_a_proxy(
    s3_server: LocalS3, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, PROXY)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    s3_server.client().list_buckets()
    with direct_loopback():
        assert urllib.request.proxy_bypass("127.0.0.1")
    assert "NO_PROXY" not in os.environ


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "localhost,127.0.0.1,::1"),
        ({"NO_PROXY": "a.example.org, 127.0.0.1"}, "a.example.org,127.0.0.1,localhost,::1"),
        ({"no_proxy": "a", "NO_PROXY": "b"}, "a,b,localhost,127.0.0.1,::1"),
        ({"NO_PROXY": "*"}, "*"),
    ],
)
def test_existing_proxy_exceptions_stay(given: dict[str, str], expected: str) -> None:
    assert loopback_exceptions(given) == {"NO_PROXY": expected, "no_proxy": expected}


@pytest.mark.usefixtures("nobody")
def test_an_unknown_user_has_no_home() -> None:
    assert home_folder() is None


@pytest.mark.usefixtures("nobody")
def test_scripts_below_a_home_that_is_not_there_are_named() -> None:
    config = ClientConfig(client="a", environment="dev", s3_bucket="bucket", scripts_dir="~/sql")
    with pytest.raises(ConfigError, match=r"^BDA_SCRIPTS_DIR = '~/sql': .*is not a folder"):
        sql_root(config)


@pytest.mark.usefixtures("nobody")
def test_without_a_home_airflow_gets_a_folder_of_its_own() -> None:
    with airflow_home():
        folder = os.environ["AIRFLOW_HOME"]
        assert os.path.isdir(folder)
    assert "AIRFLOW_HOME" not in os.environ
    assert not os.path.exists(folder)


@pytest.mark.parametrize("command", [["validate"], ["health", "--client", "enercity", "--environment", "dev"]])
def test_commands_need_no_home(command: list[str], tmp_path: Path) -> None:
    left_out = ("HOME", "USER", "LOGNAME", "AIRFLOW", "BDA_", "XDG_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    done = subprocess.run(
        [sys.executable, "-c", UNKNOWN_USER + COMMAND, *command],
        env=environment
        | {"PYTHONPATH": f"{ROOT / 'plugins'}", "TMPDIR": str(tmp_path), "BDA_DB_HOST": "127.0.0.1", "BDA_DB_PORT": "1"}
        | {"BDA_S3_URL": "http://127.0.0.1:1", "BDA_S3_ACCESS_KEY": "k", "BDA_S3_SECRET_ACCESS_KEY": "s"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode == (0 if command == ["validate"] else 1), done.stdout + done.stderr
    assert not list(tmp_path.iterdir())


def test_a_project_that_cannot_be_written_to_runs_in_the_temporary_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("", encoding="ascii")
    assert not is_writable(occupied / "build")
    monkeypatch.setattr(run, "BUILD", occupied / "build")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run.build_folder() == tmp_path / f"billing-data-aggregator-{os.getuid()}"
