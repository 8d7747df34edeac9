"""scripts/package_mwaa.py: what it builds works in a tree that is shaped like MWAA's."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.deploy.support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = ROOT / "scripts/package_mwaa.py"

# Runs like a DAG processor, in its own process, and prints what it found.
PROBE = """
import json, os, sys
home = os.environ["AIRFLOW_HOME"]
import airflow  # puts plugins/ on the path
from airflow.dag_processing.dagbag import DagBag
from airflow import plugins_manager
dags = os.path.join(home, "dags")
sys.path.append(dags)  # as DAG bundles do
bag = DagBag(dag_folder=dags)
import billing_aggregator
from billing_aggregator.config import paths
from billing_aggregator.sql import scripts
plugins_manager.ensure_plugins_loaded()
errors = plugins_manager.get_import_errors()
print("RESULT " + json.dumps({
    "dags": sorted(bag.dag_ids),
    "import_errors": {str(k): str(v) for k, v in bag.import_errors.items()},
    "plugin_errors": {str(k): str(v) for k, v in errors.items()},
    "package": billing_aggregator.__file__,
    "include": str(paths.include_folder()),
    "scripts": [s.name for s in scripts.find_scripts(paths.include_folder() / "sql", "init", "bookkeeper", "enercity")],
    "by_file_name": sorted({"scripts", "sql_runner", "paths"} & set(sys.modules)),
}))
"""


@pytest.fixture(scope="module")
def package_mwaa() -> Any:
    spec = importlib.util.spec_from_file_location("package_mwaa", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project with everything that must and must not go into a package."""
    root = tmp_path / "project"
    files = {
        "dags/one.py": "one = 1\n",
        "dags/__pycache__/one.pyc": "compiled",
        "dags/stale.pyc": "compiled",
        "include/clients.yaml": "clients: {}\n",
        "include/sql/init/bookkeeper/010_first.sql": "select 1;\n",
        "plugins/.airflowignore": "package/\n",
        "plugins/package/__init__.py": "",
        "plugins/package/__pycache__/__init__.cpython-312.pyc": "compiled",
        "requirements.txt": "PyYAML\n",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_include_goes_into_dags_and_plugins_into_the_zip(package_mwaa: Any, project: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    files = package_mwaa.build(project, output)
    assert sorted(content(output)) == sorted(path.relative_to(output).as_posix() for path in files)
    assert sorted(content(output)) == [
        "SHA256SUMS",
        "dags/.airflowignore",
        "dags/include/clients.yaml",
        "dags/include/sql/init/bookkeeper/010_first.sql",
        "dags/one.py",
        "plugins.zip",
        "requirements.txt",
    ]
    assert (output / "dags/.airflowignore").read_text() == "include/\n"
    with zipfile.ZipFile(output / "plugins.zip") as archive:
        assert archive.namelist() == [".airflowignore", "package/__init__.py"]
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}


def test_an_ignore_file_of_the_project_is_kept(package_mwaa: Any, project: Path, tmp_path: Path) -> None:
    (project / "dags/.airflowignore").write_text("drafts/\n")
    package_mwaa.build(project, tmp_path / "out")
    assert (tmp_path / "out/dags/.airflowignore").read_text() == "drafts/\ninclude/\n"
    (project / "dags/.airflowignore").write_text("include/\n")
    package_mwaa.build(project, tmp_path / "out")
    assert (tmp_path / "out/dags/.airflowignore").read_text() == "include/\n"


def test_same_input_same_bytes(package_mwaa: Any, project: Path, tmp_path: Path) -> None:
    package_mwaa.build(project, tmp_path / "first")
    copy = tmp_path / "copy"
    shutil.copytree(project, copy)
    for path in copy.rglob("*"):
        path.chmod(0o777)
        os.utime(path, (1_000_000_000, 1_000_000_000))
    package_mwaa.build(copy, tmp_path / "second")
    assert content(tmp_path / "first") == content(tmp_path / "second")


def test_sums_are_those_of_the_files(package_mwaa: Any, project: Path, tmp_path: Path) -> None:
    package_mwaa.build(project, tmp_path / "out")
    built = content(tmp_path / "out")
    lines = [line.split("  ") for line in built.pop("SHA256SUMS").decode().splitlines()]
    assert {name: digest for digest, name in lines} == {
        name: hashlib.sha256(data).hexdigest() for name, data in built.items()
    }


def test_an_older_package_is_replaced_and_nothing_else(package_mwaa: Any, project: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    package_mwaa.build(project, output)
    (project / "dags/one.py").rename(project / "dags/two.py")
    package_mwaa.build(project, output)
    assert "dags/one.py" not in content(output)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    with pytest.raises(package_mwaa.PackageError, match="other files"):
        package_mwaa.build(project, precious)
    assert content(precious) == {"thesis.txt": b"years of work"}


@pytest.mark.parametrize("missing", ["dags", "include/sql", "plugins", "requirements.txt"])
def test_a_missing_part_is_named(package_mwaa: Any, project: Path, tmp_path: Path, missing: str) -> None:
    path = project / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(package_mwaa.PackageError, match=missing):
        package_mwaa.build(project, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("line", ["-c constraints.txt", "# pip install --constraint file", "--constraint /x"])
def test_a_line_that_disables_mwaas_pins_is_refused(
    package_mwaa: Any, project: Path, tmp_path: Path, line: str
) -> None:
    (project / "requirements.txt").write_text(f"PyYAML\n{line}\n")
    with pytest.raises(package_mwaa.PackageError, match=r"requirements\.txt:2"):
        package_mwaa.build(project, tmp_path / "out")


def test_command_line_names_what_it_cannot_use(tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("")
    done = subprocess.run([sys.executable, SCRIPT, "--output", tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert str(tmp_path) in done.stderr


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The package of this project, unpacked as MWAA does, its DAGs imported by a process without any other code."""
    base = tmp_path_factory.mktemp("mwaa")
    subprocess.run([sys.executable, SCRIPT, "--output", base / "built"], check=True, capture_output=True)
    home = base / "airflow"
    shutil.copytree(base / "built/dags", home / "dags")
    with zipfile.ZipFile(base / "built/plugins.zip") as archive:
        archive.extractall(home / "plugins")  # the archive of this test
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(base),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600",  # on a busy machine
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROBE], env=environment, cwd=base, capture_output=True, text=True, check=False
    )
    answers = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    assert answers, done.stdout[-2000:] + done.stderr[-4000:]
    result: dict[str, Any] = json.loads(answers[-1].removeprefix("RESULT "))
    return {"home": home} | result


def test_dags_import_in_mwaas_layout(unpacked: dict[str, Any]) -> None:
    assert unpacked["import_errors"] == {}
    assert unpacked["dags"]
    assert all(dag.startswith(("billing_data_aggregator_", "billing_feed_")) for dag in unpacked["dags"])


def test_package_and_sql_are_found_in_mwaas_layout(unpacked: dict[str, Any]) -> None:
    assert unpacked["package"] == str(unpacked["home"] / "plugins/billing_aggregator/__init__.py")
    assert unpacked["include"] == str(unpacked["home"] / "dags/include")
    assert unpacked["scripts"]


def test_plugin_loader_leaves_the_package_alone(unpacked: dict[str, Any]) -> None:
    assert unpacked["plugin_errors"] == {}
    assert unpacked["by_file_name"] == []
