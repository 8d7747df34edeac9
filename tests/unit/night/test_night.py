"""The description of a client's night, from folders made for it."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING, Any, get_args

import pytest

from billing_aggregator.config import ClientConfig, ConfigError
from billing_aggregator.night import DAG_PHASES, SCRIPT_PHASES, Night, read_night
from billing_aggregator.night.problems import file_problems
from billing_aggregator.night.vault_tables import vault_tables
from billing_aggregator.runs.table_guard import Phase
from billing_aggregator.sql.checks import CheckError

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "prechecks/tripica/100_there.sql": "-- fail: there is something\n-- needs: a.b\nselect 1 where false;\n",
    "init/bookkeeper/010_a.sql": "create table x as select * from journal_vault.entries;\n",
    "init/tripica/010_b.sql": "select 1 from tripica_vault.charge, journal_vault.entries; -- from other_vault.x\n",
    "init/tripica/010_c.sql": "select 1;\n",
    "init/tripica/acme/020_d.sql": "select 2;\n",
    "release/tripica/010_swap.sql": "select 3;\n",
    "archive/customer/oibl.sql": "-- system: tripica\nselect 1 as a\n",
    "archive/audit/all.sql": "select 1 as a\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def night_of(root: Path, **values: Any) -> Night:
    values = {"client": "acme", "environment": "prod", "s3_bucket": "exports", "scripts_dir": str(root)} | values
    values.setdefault("dependencies", {"bookkeeper": (), "tripica": ("bookkeeper",)})
    return read_night(ClientConfig.model_validate(values))


def test_phases_systems_and_scripts_stand_in_their_order(root: Path) -> None:
    night = night_of(root, systems=("tripica", "bookkeeper"))
    assert [phase.phase for phase in night.phases] == list(SCRIPT_PHASES)
    assert {tuple(system.system for system in phase.systems) for phase in night.phases} == {("bookkeeper", "tripica")}
    tripica = night.phase("init").systems[1]
    assert [[script.relative for script in stage] for stage in tripica.stages] == [
        ["init/tripica/010_b.sql", "init/tripica/010_c.sql"],
        ["init/tripica/acme/020_d.sql"],
    ]
    assert [script.name for _, script in night.scripts()] == [
        "100_there", "010_a", "010_b", "010_c", "020_d", "010_swap",
    ]  # fmt: skip
    assert night.problems == ()


def test_exports_have_their_source_system_group_and_keys(root: Path) -> None:
    night = night_of(root, key_template="{client}/{business_date}/{environment}/{file}")
    assert [(export.name, export.source, export.system, export.group) for export in night.exports] == [
        ("bookkeeper_results", "report_oibl.bookkeeper_results", "bookkeeper", "bookkeeper_results"),
        ("tripica_results", "report_oibl.tripica_results", "tripica", "tripica_results"),
        ("audit/all", "archive/audit/all.sql", None, "audit_all"),
        ("customer/oibl", "archive/customer/oibl.sql", "tripica", "customer_oibl"),
    ]
    assert {export.key_template for export in night.exports} == {"acme/{business_date}/prod/{file}"}
    assert night.exports[-1].first_key == "acme/{business_date}/prod/customer/oibl_0000.csv"


def test_a_checks_heading_has_the_clients_severity(root: Path) -> None:
    path = "prechecks/tripica/100_there"
    for severities, expected in (({}, "fail"), ({path: "info"}, "info")):
        night = night_of(root, check_severity=severities)
        (check,) = night.phase("prechecks").systems[1].scripts
        found = night.check(check)
        assert (found.severity, found.title, found.needs) == (expected, "there is something", ("a.b",))


def test_reading_opens_no_script(root: Path) -> None:
    """A worker that runs one task needs no other task's file."""
    (root / "prechecks/tripica/100_there.sql").write_bytes(b"\xe4")
    (root / "init/tripica/010_b.sql").write_bytes(b"")
    (root / "init/bookkeeper/010_a.sql").write_text("select 1;")
    night = night_of(root)
    assert night.problems == ()
    assert len(list(file_problems(night))) == 2
    with pytest.raises(ValueError, match=r"100_there\.sql, line 1: byte 0 is not UTF-8"):
        night.check(night.phase("prechecks").systems[1].scripts[0])
    (root / "prechecks/tripica/100_there.sql").write_text("select 1")
    with pytest.raises(CheckError, match="the first line of a check is"):
        night.check(night.phase("prechecks").systems[1].scripts[0])


def test_every_problem_of_names_and_places_is_found_at_once(root: Path) -> None:
    for name in ("init/tripica/mistake.sql", "init/tripica/1_x.sql", "export/tripica/010_x.sql", "archive/a/B.sql"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("select 1;")
    (root / "init/bookkeeper/010_a.sql").unlink()
    night = night_of(root)
    assert [line.removeprefix(f"{root}/").split(";")[0][:60] for line in night.problems] == [
        "export: the phase is called release: rename the folder",
        "init/bookkeeper: system bookkeeper has no scripts here",
        "init/tripica/1_x.sql: a script's name is NNN_what_it_makes.s",
        "init/tripica/mistake.sql: a script's name is NNN_what_it_mak",
        "archive/a/B.sql: an export is <audience>/<query>.sql, in low",
    ]
    assert [export.name for export in night.exports] == ["bookkeeper_results", "tripica_results"]


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="init is not a folder"):
        night_of(tmp_path)


def test_the_vaults_tables_are_those_of_init(root: Path) -> None:
    assert vault_tables(night_of(root)) == {"journal_vault": ["entries"], "tripica_vault": ["charge"]}


def test_a_night_does_not_change(root: Path) -> None:
    night = night_of(root)
    with pytest.raises(FrozenInstanceError):
        night.exports = ()  # type: ignore[misc]  # that it is refused is what is tested
    assert night == night_of(root)


def test_the_tables_guard_knows_the_phases_that_use_tables() -> None:
    assert set(get_args(Phase)) == set(DAG_PHASES) - {"start", "publish"}
