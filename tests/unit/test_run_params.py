"""Params of a run: the form in Airflow, and the check at the start of the run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import ParamValidationError

from billing_aggregator.config import ClientConfig, load_client
from billing_aggregator.runs.params import RunParamError, RunParams, declare_params, resolve_params

RUN_AT = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def config() -> ClientConfig:
    return load_client("enercity", "local", environ={})


def context(config: ClientConfig, conf: dict[str, Any], *, logical: datetime | None = RUN_AT) -> dict[str, Any]:
    defaults = {name: param.value for name, param in declare_params(config).items()}
    # As Airflow does it: the params include keys that the DAG does not declare.
    params = defaults | conf
    dag_run = SimpleNamespace(conf=conf, logical_date=logical, run_after=RUN_AT)
    return {"params": params, "dag_run": dag_run}


def resolved(config: ClientConfig, **conf: Any) -> RunParams:
    return resolve_params(config, context(config, conf))


def test_a_run_without_params_follows_the_configuration(config: ClientConfig) -> None:
    run = resolved(config)
    assert run.systems == ("bookkeeper", "tripica")
    assert (run.max_rows_per_file, run.dry_run) == (1_000_000, False)


@pytest.mark.parametrize(
    ("conf", "field", "expected"),
    [
        ({"systems": ["bookkeeper"]}, "systems", ("bookkeeper",)),
        ({"systems": ["tripica", "bookkeeper"]}, "systems", ("bookkeeper", "tripica")),
        ({"ignore_systems": ["tripica"]}, "systems", ("bookkeeper",)),
        ({"systems": ["bookkeeper", "tripica"], "ignore_systems": ["tripica"]}, "systems", ("bookkeeper",)),
        ({"dry_run": True}, "dry_run", True),
        ({"max_rows_per_file": 100}, "max_rows_per_file", 100),
        ({"business_date": "2026-01-31"}, "business_date", datetime(2026, 1, 31, tzinfo=UTC).date()),
    ],
)
def test_params_win(config: ClientConfig, conf: dict[str, Any], field: str, expected: object) -> None:
    assert getattr(resolved(config, **conf), field) == expected


def test_params_win_over_variables_and_variables_over_the_file() -> None:
    variables = {"BDA_MAX_ROW_SIZE_FILE": "500", "BDA_DRY_RUN": "true", "BDA_IGNORE_SYSTEMS": "tripica"}
    config = load_client("enercity", "local", environ=variables)
    assert resolved(config).max_rows_per_file == 500
    assert resolved(config).dry_run is True
    assert resolved(config).systems == ("bookkeeper",)
    run = resolved(config, max_rows_per_file=7, dry_run=False, systems=["bookkeeper", "tripica"])
    assert (run.max_rows_per_file, run.dry_run, run.systems) == (7, False, ("bookkeeper", "tripica"))


@pytest.mark.parametrize(
    ("logical", "expected"),
    [(RUN_AT, "2026-11-21"), (None, "2026-11-21"), (RUN_AT - timedelta(hours=12), "2026-11-20")],
    ids=["after midnight in Berlin", "manual run", "before midnight"],
)
def test_the_business_date_is_the_runs_day_in_the_clients_zone(
    config: ClientConfig, logical: datetime | None, expected: str
) -> None:
    run = resolve_params(config, context(config, {}, logical=logical))
    assert run.business_date.isoformat() == expected


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"sytems": ["bookkeeper"]}, "unknown param sytems; did you mean systems?"),
    ({"xyz": 1}, "unknown param xyz; known: business_date, dry_run"),
    ({"systems": []}, "no system is left to run; choose one of: bookkeeper, orders, tripica"),
    ({"systems": ["sap"]}, "systems: enercity/local has no system sap; it has: bookkeeper, tripica"),
    ({"ignore_systems": ["sap"]}, "ignore_systems: enercity/local has no system sap"),
    ({"systems": ["tripica"]}, "system tripica reads tables of bookkeeper: run both, or leave out tripica as well"),
    ({"ignore_systems": ["bookkeeper"]}, "ignore_systems = 'bookkeeper': system tripica reads tables of bookkeeper"),
    ({"ignore_systems": ["bookkeeper", "tripica"]}, "no system is left to run"),
    ({"systems": "bookkeeper"}, "param systems = 'bookkeeper': must be names of systems"),
    ({"max_rows_per_file": 0}, "param max_rows_per_file = 0: must be a whole number from 1 to 100000000"),
    ({"max_rows_per_file": "100"}, "param max_rows_per_file = '100': must be a whole number"),
    ({"dry_run": "yes"}, "param dry_run = 'yes': must be true or false"),
    ({"business_date": "31.01.2026"}, "param business_date = '31.01.2026': must be a day as YYYY-MM-DD"),
    ({"business_date": "2026-02-30"}, "param business_date = '2026-02-30': there is no such day"),
    ({"business_date": "2999-01-01"}, "param business_date = '2999-01-01': must be a day from 2000-01-01 to today"),
    ({"business_date": "1999-12-31"}, "must be a day from 2000-01-01 to today"),
]


@pytest.mark.parametrize(("conf", "message"), REFUSED, ids=[str(conf) for conf, _ in REFUSED])
def test_a_wrong_param_is_refused_at_the_start_of_the_run(
    config: ClientConfig, conf: dict[str, Any], message: str
) -> None:
    with pytest.raises(RunParamError) as refusal:
        resolved(config, **conf)
    assert message in str(refusal.value)


def test_all_wrong_params_are_reported_at_once(config: ClientConfig) -> None:
    with pytest.raises(RunParamError) as refusal:
        resolved(config, sytems=1, dry_run=1, max_rows_per_file=-1)
    assert all(name in str(refusal.value) for name in ("sytems", "dry_run", "max_rows_per_file"))


BEFORE_THE_RUN: list[dict[str, Any]] = [
    {"systems": ["sap"]},
    {"systems": ["bookkeeper", "bookkeeper"]},
    {"ignore_systems": ["sap"]},
    {"max_rows_per_file": 0},
    {"max_rows_per_file": 100_000_001},
    {"max_rows_per_file": "100"},
    {"dry_run": "yes"},
    {"business_date": "31.01.2026"},
]


@pytest.mark.parametrize("conf", BEFORE_THE_RUN, ids=str)
def test_airflow_refuses_a_wrong_value_before_there_is_a_run(config: ClientConfig, conf: dict[str, Any]) -> None:
    params = ParamsDict(declare_params(config))
    with pytest.raises(ParamValidationError, match=next(iter(conf))):
        params.update(conf)


def test_airflow_accepts_what_the_form_offers(config: ClientConfig) -> None:
    params = ParamsDict(declare_params(config))
    params.update({"systems": ["bookkeeper"], "business_date": "2026-01-31", "max_rows_per_file": 1, "dry_run": True})
    assert params.validate()["systems"] == ["bookkeeper"]


def test_the_form_has_a_title_a_description_and_a_section_for_every_field(config: ClientConfig) -> None:
    params = declare_params(config)
    for name, param in params.items():
        assert param.schema["title"], name
        assert param.schema["description_md"].endswith("."), name
        assert param.schema["section"] in ("Scope", "Output"), name
    for name in ("systems", "ignore_systems"):
        assert params[name].schema["examples"] == ["bookkeeper", "tripica"], "a multi-select in the UI"
    assert "tripica needs bookkeeper" in str(params["systems"].schema["description_md"])


def test_a_client_offers_only_its_own_systems() -> None:
    config = load_client("enercity", "local", environ={"BDA_SYSTEMS": "bookkeeper"})
    assert declare_params(config)["systems"].schema["examples"] == ["bookkeeper"]


@pytest.mark.parametrize("day", [datetime(2999, 1, 1, tzinfo=UTC), datetime(1999, 12, 31, 12, tzinfo=UTC)])
def test_the_day_of_a_run_is_checked_wherever_it_comes_from(config: ClientConfig, day: datetime) -> None:
    """`airflow dags test <dag> 2999-01-01`, a backfill, a logical date by REST."""
    with pytest.raises(RunParamError) as refusal:
        resolve_params(config, context(config, {}, logical=day))
    assert f"the run's logical date {day.isoformat()}: must be a day from 2000-01-01 to today" in str(refusal.value)
