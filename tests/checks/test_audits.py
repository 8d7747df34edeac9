"""Every audit notices the defect that it is for, no other audit does, and none finds anything in a clean list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing_aggregator.local.warehouse import create_octopus
from tests.checks.audit_cases import CASES
from tests.checks.audit_cases.planting import LIST, PUBLISHED, TAX, change
from tests.checks.conftest import Plant, build_list, run_checks, violated

if TYPE_CHECKING:
    from billing_aggregator.local.postgres import EmbeddedPostgres
    from tests.checks.case import Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_defect_is_noticed_by_its_check_alone(plant: Plant, clean_list: str, case: Case) -> None:
    assert violated(plant(clean_list, case.defect, "audits", case.settings)) == case.expected


@pytest.mark.parametrize(
    "change_of_no_harm",
    [
        pytest.param("", id="as it is"),
        pytest.param(PUBLISHED, id="same as yesterday"),
        pytest.param(
            f"{PUBLISHED} truncate report_oibl.tripica_results, report_oibl.bookkeeper_results", id="first list"
        ),
        pytest.param(
            change("due_date = null", "aggregate_id is null and glid like '%_CANCELLATION_BALANCE'"),
            id="cancellation balance without due date",
        ),
        pytest.param(
            "delete from report_oibl.client_data_vat_booking_accounts;"
            "update report_oibl.base_data_bbtax set newko = null;"
            f"update {LIST} set booking_mainledger_account = 'tax code: 1A' where {TAX}",
            id="client without VAT accounts",
        ),
    ],
)
def test_no_alarm_on_clean_data(plant: Plant, clean_list: str, change_of_no_harm: str) -> None:
    assert violated(plant(clean_list, change_of_no_harm, "audits")) == set()


def test_first_run_skips_the_comparison_with_the_previous_list(plant: Plant, clean_list: str) -> None:
    skipped = {name for name, result in plant(clean_list, "", "audits").items() if result.missing}
    assert skipped == {"bookkeeper/400_bookings_near_previous", "tripica/400_list_near_previous"}


@pytest.mark.parametrize("client", ["enercity", "client_without_folder"])
def test_no_check_fails_on_the_sample(postgres: EmbeddedPostgres, sample_template: str, client: str) -> None:
    database = f"checks_sample_{client}"
    create_octopus(postgres, database, template=sample_template)
    build_list(postgres, database, client)
    results = run_checks(postgres, database, "audits")
    assert {name for name in violated(results) if results[name].severity == "fail"} == set()
    for phase in ("prechecks", "audits"):
        here, there = (run_checks(postgres, database, phase, time_zone=zone) for zone in ("UTC", "Pacific/Auckland"))
        assert {name: result.violations for name, result in here.items()} == {
            name: result.violations for name, result in there.items()
        }, "a check depends on the session's time zone"


def test_every_check_has_a_case(postgres: EmbeddedPostgres, clean_list: str) -> None:
    assert set(run_checks(postgres, clean_list, "audits")) == set().union(*(case.expected for case in CASES))
