"""The example system of CONTRIBUTING.md: its configuration, candidate, check and swap work as written there."""

from __future__ import annotations

import re
import shutil
import textwrap
from typing import TYPE_CHECKING, Any

import yaml

from billing_aggregator.config import ClientConfig, load_clients
from billing_aggregator.sql.checks import parse_check, run_check
from billing_aggregator.sql.runner import run_script
from tests.conftest import ROOT, SQL_ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg

SECTION = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## Add a system")[1].split("\n## ")[0]
CANDIDATE = "init/meters/010_meters_results.sql"
CHECK = "audits/meters/110_list_not_empty.sql"
SWAP = "release/meters/010_publish_meters_results.sql"


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", SECTION, re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(text) for _, text in found]


def write_scripts(folder: Path) -> None:
    for name, text in zip((CANDIDATE, CHECK), blocks("sql"), strict=True):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text, encoding="utf-8")
    command = re.search(r"sed 's/(\w+)/(\w+)/g' include/sql/(\S+)", SECTION)
    assert command
    old, new, source = command.groups()
    (folder / SWAP).parent.mkdir(parents=True)
    (folder / SWAP).write_text((SQL_ROOT / source).read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def test_the_section_names_its_files() -> None:
    for name in (CANDIDATE, CHECK, SWAP):
        assert f"include/sql/{name}" in SECTION


def test_the_configuration_is_accepted(tmp_path: Path) -> None:
    include = tmp_path / "include"
    shutil.copytree(ROOT / "include", include)
    write_scripts(include / "sql")
    clients = yaml.safe_load((include / "clients.yaml").read_text(encoding="utf-8"))
    example = yaml.safe_load(blocks("yaml")[0])
    clients["systems"] = example["systems"]
    clients["clients"]["enercity"]["local"] = example["clients"]["enercity"]["local"]
    (include / "clients.yaml").write_text(yaml.safe_dump(clients), encoding="utf-8")
    configs = [
        config for config in load_clients(include / "clients.yaml", environ={}) if isinstance(config, ClientConfig)
    ]
    local = [config for config in configs if (config.client, config.environment) == ("enercity", "local")]
    assert [set(config.systems) for config in local] == [{"bookkeeper", "tripica", "meters"}]


def test_the_scripts_make_the_table_that_is_exported(warehouse: psycopg.Connection[Any], tmp_path: Path) -> None:
    write_scripts(tmp_path)
    warehouse.execute("create schema if not exists report_oibl")
    warehouse.commit()
    run_script(warehouse, (tmp_path / CANDIDATE).read_text(encoding="utf-8"), {"run_id": "test"})
    check = parse_check((tmp_path / CHECK).read_text(encoding="utf-8"), tmp_path / CHECK)
    assert check.severity == "fail"
    assert run_check(warehouse, check).violations == 0
    warehouse.rollback()
    run_script(warehouse, (tmp_path / SWAP).read_text(encoding="utf-8"), {"run_id": "test"})
    total = warehouse.execute("select count(*) > 0, sum(charges) from report_oibl.meters_results").fetchone()
    charges = warehouse.execute(
        "select true, count(*) from datalake_vault.applied_billing_charge where glid like '%\\_CONSUMPTION'"
    ).fetchone()
    assert total == charges
