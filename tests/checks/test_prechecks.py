"""Every source check notices the defect that it is for, no other check does, and none finds anything in clean data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.checks.conftest import Plant, run_checks, violated
from tests.checks.precheck_cases import CASES
from tests.checks.precheck_cases.planting import FRESH, NOW

if TYPE_CHECKING:
    from billing_aggregator.local.postgres import EmbeddedPostgres
    from tests.checks.case import Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_defect_is_noticed_by_its_check_alone(plant: Plant, clean_vault: str, case: Case) -> None:
    assert violated(plant(clean_vault, case.defect, "prechecks", case.settings)) == case.expected


@pytest.mark.parametrize(
    ("defect", "check", "violation"),
    [
        (
            "drop table datalake_vault.note",
            "tripica/110",
            ("datalake_vault.note", "table does not exist"),
        ),
        (
            "alter table datalake_vault.note drop column text",
            "tripica/110",
            ("datalake_vault.note.text", "column does not exist; expected: text"),
        ),
        (
            "alter table datalake_vault.settlement_note_advice alter id type bigint using 1",
            "tripica/110",
            ("datalake_vault.settlement_note_advice.id", "type is bigint; expected: text"),
        ),
        (
            "alter table datalake_vault.product alter orderdate type timestamp",
            "tripica/110",
            ("datalake_vault.product.orderdate", "type is timestamp without time zone; expected: timestamptz"),
        ),
        (
            "revoke select on datalake_vault.login from billing_aggregator",
            "tripica/110",
            ("datalake_vault.login.externalid", "no select privilege for billing_aggregator"),
        ),
        (
            "revoke usage on schema datalake_vault from billing_aggregator",
            "tripica/110",
            ("datalake_vault", "no usage privilege on the schema for billing_aggregator"),
        ),
        (
            "drop schema paymentallocation_vault cascade",
            "tripica/110",
            ("paymentallocation_vault", "schema does not exist"),
        ),
        (
            "drop schema bookkeeper_vault cascade",
            "bookkeeper/110",
            ("bookkeeper_vault", "schema does not exist"),
        ),
        (
            "alter table bookkeeper_vault.summaries alter create_time type timestamptz",
            "bookkeeper/110",
            ("bookkeeper_vault.summaries.create_time", "type is timestamp with time zone; expected: timestamp"),
        ),
        (
            "drop schema dunning_vault cascade",
            "tripica/115",
            ("dunning_vault", "schema does not exist"),
        ),
        (
            "drop table dunninglock_vault.dunning_locks",
            "tripica/115",
            ("dunninglock_vault.dunning_locks", "table does not exist"),
        ),
    ],
)
def test_missing_source_is_named(
    plant: Plant, clean_vault: str, defect: str, check: str, violation: tuple[str, str]
) -> None:
    results = plant(clean_vault, defect, "prechecks", only="11")
    assert {name[: len(check)] for name in violated(results)} == {check}
    (result,) = (result for result in results.values() if result.violations)
    assert result.severity == "fail"
    assert violation in result.sample


def test_enumerated_status_is_compatible(plant: Plant, clean_vault: str) -> None:
    enumeration = """
    create type receivablemanagement_vault.case_status as enum ('DUNNING', 'BLOCKING', 'INKASSO', 'CLOSED');
    alter table receivablemanagement_vault.case_receivables
        alter status type receivablemanagement_vault.case_status using status::receivablemanagement_vault.case_status;
    """
    assert violated(plant(clean_vault, enumeration, "prechecks")) == set()


def test_warehouse_without_dunning_fails_one_check_and_skips_the_others(plant: Plant, clean_vault: str) -> None:
    vaults = "receivablemanagement_vault, dunning_vault, dunninglock_vault"
    results = plant(clean_vault, f"drop schema {vaults} cascade", "prechecks")
    assert violated(results) == {"tripica/115_dunning_sources_exist"}
    assert {name for name, result in results.items() if result.missing} == {
        "tripica/125_dunning_cases_not_empty",
        "tripica/300_dunning_links_complete",
        "tripica/300_dunning_locks_unambiguous",
        "tripica/300_dunning_unambiguous",
    }


@pytest.mark.parametrize(
    ("change", "settings"),
    [
        pytest.param("", {}, id="as it is"),
        pytest.param("", {"freshness_hours": "0", "as_of": "2099-01-01"}, id="freshness off"),
        pytest.param("", {"freshness_hours": "", "as_of": ""}, id="settings empty"),
        pytest.param(FRESH, NOW, id="fresh"),
    ],
)
def test_no_alarm_on_clean_data(plant: Plant, clean_vault: str, change: str, settings: dict[str, str]) -> None:
    assert violated(plant(clean_vault, change, "prechecks", settings)) == set()


def test_no_check_fails_on_the_sample(postgres: EmbeddedPostgres, sample_template: str) -> None:
    results = run_checks(postgres, sample_template, "prechecks")
    assert {name for name in violated(results) if results[name].severity == "fail"} == set()


def test_every_check_has_a_case(postgres: EmbeddedPostgres, clean_vault: str) -> None:
    checks = {name for name in run_checks(postgres, clean_vault, "prechecks") if "/11" not in name}
    assert checks == set().union(*(case.expected for case in CASES))
