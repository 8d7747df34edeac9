"""``clients.yaml``: layers, precedence, and each refusal with its file and place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from billing_aggregator.config import BrokenConfig, ClientConfig, ConfigError, load_client, load_clients
from billing_aggregator.config.load import sql_root

if TYPE_CHECKING:
    from pathlib import Path

BASE = """
systems:
  bookkeeper: {}
  tripica: {needs: [bookkeeper]}
defaults:
  s3_bucket: of-defaults
  max_rows_per_file: 1000
  alerts: {email: [a@example.org]}
environments:
  stage: {s3_bucket: of-stage}
clients:
  one:
    prod: {}
    stage: {}
  two:
    stage: {s3_bucket: of-two-stage, alerts: {slack: true}}
"""


def written(tmp_path: Path, text: str = BASE) -> Path:
    path = tmp_path / "clients.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def changed(tmp_path: Path, **sections: object) -> Path:
    return written(tmp_path, yaml.safe_dump(yaml.safe_load(BASE) | sections, sort_keys=False))


@pytest.mark.parametrize(
    ("client", "environment", "variables", "bucket"),
    [
        ("one", "prod", {}, "of-defaults"),
        ("one", "stage", {}, "of-stage"),
        ("two", "stage", {}, "of-two-stage"),
        ("two", "stage", {"BDA_S3_BUCKET": "of-variable"}, "of-variable"),
        ("three", "stage", {}, "of-stage"),
        ("three", "dev", {}, "of-defaults"),
    ],
)
def test_precedence(tmp_path: Path, client: str, environment: str, variables: dict[str, str], bucket: str) -> None:
    assert load_client(client, environment, written(tmp_path), variables).s3_bucket == bucket


def test_mappings_are_merged_and_the_rest_is_replaced(tmp_path: Path) -> None:
    alerts = load_client("two", "stage", written(tmp_path), {}).alerts
    assert alerts.email == ("a@example.org",)
    assert alerts.slack is True


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({}, ["one_prod", "one_stage", "two_stage"]),
        ({"BDA_ENVIRONMENT": "stage"}, ["one_stage", "two_stage"]),
        ({"BDA_CLIENT_ID": "one", "BDA_ENVIRONMENT": "prod"}, ["one_prod"]),
        ({"BDA_CLIENT_ID": "new", "BDA_ENVIRONMENT": "prod"}, ["new_prod"]),
        ({"BDA_CLIENT_ID": "new", "BDA_DB_HOST": "octopus.stage.example.org"}, ["new_stage"]),
    ],
)
def test_the_entries_that_become_dags(tmp_path: Path, variables: dict[str, str], names: list[str]) -> None:
    ids = [entry.dag_id for entry in load_clients(written(tmp_path), variables)]
    assert ids == [f"billing_data_aggregator_{name}" for name in names]


def test_an_existing_deployments_environment_works_without_an_entry(tmp_path: Path) -> None:
    variables = {
        "BDA_CLIENT_ID": "new-client",
        "BDA_ENVIRONMENT": "prod",
        "BDA_LOG_LEVEL": "info",
        "BDA_DB_HOST": "octopus.example.org",
        "BDA_DB_PORT": "5432",
        "BDA_DB_NAME": "octopus",
        "BDA_DB_USER": "billing_aggregator",
        "BDA_DB_PASSWORD": "x",
        "BDA_DB_MAX_CONNS": "6",
        "BDA_DB_MAX_IDLE": "2",
        "BDA_DB_MINUTES_IDLE": "3",
        "BDA_S3_BUCKET": "exports",
        "BDA_S3_REGION": "eu-west-1",
        "BDA_S3_URL": "https://s3.example.org",
        "BDA_S3_ACCESS_KEY": "k",
        "BDA_S3_SECRET_ACCESS_KEY": "s",
        "BDA_SYSTEMS": "bookkeeper",
        "BDA_IGNORE_SYSTEMS": "",
        "BDA_MAX_ROW_SIZE_FILE": "5000",
        "BDA_DRY_RUN": "true",
    }
    (config,) = load_clients(written(tmp_path), variables)
    assert isinstance(config, ClientConfig)
    assert (config.client, config.environment, config.enabled) == ("new-client", "prod", True)
    assert (config.s3_bucket, config.s3_region, config.s3_url) == ("exports", "eu-west-1", "https://s3.example.org")
    assert (config.active_systems, config.max_rows_per_file, config.dry_run) == (("bookkeeper",), 5000, True)
    assert (config.db_max_conns, config.log_level) == (6, "INFO")


ENTRY = [
    ({"max_rows_pre_file": 1}, "clients.one.prod: max_rows_pre_file: unknown key; did you mean max_rows_per_file?"),
    ({"max_rows_per_file": 0}, "clients.one.prod: max_rows_per_file = 0: must be a whole number from 1 to 100000000"),
    ({"retries": True}, "clients.one.prod: retries = True: must be a whole number from 0 to 10"),
    ({"enabled": "perhaps"}, "clients.one.prod: enabled = 'perhaps': must be true or false"),
    ({"log_level": "loud"}, "clients.one.prod: log_level = 'loud': must be one of DEBUG, INFO"),
    ({"systems": ["tripica", "tripika", "bookkeeper"]}, "unknown system tripika; known: bookkeeper, tripica"),
    ({"systems": ["bookkeeper", "bookkeeper"]}, "names bookkeeper twice; name it once"),
    ({"systems": "bookkeeper"}, "clients.one.prod: systems = 'bookkeeper': must be names of systems"),
    ({"systems": []}, "no system is left to run; choose one of: bookkeeper, tripica"),
    ({"systems": ["tripica"]}, "system tripica reads tables of bookkeeper: run both, or leave out tripica as well"),
    ({"ignore_systems": ["bookkeeper"]}, "ignore_systems = 'bookkeeper': system tripica reads tables of bookkeeper"),
    ({"ignore_systems": ["bookkeeper", "tripica"]}, "no system is left to run"),
    (
        {"systems": ["bookkeeper", "tripica"], "ignore_systems": ["tripica"]},
        "clients.one.prod: systems and ignore_systems both name tripica; name it in one of them",
    ),
    ({"schedule": "every night"}, "schedule = 'every night': must be a cron expression of five fields"),
    ({"schedule": "0 25 * * *"}, "schedule = '0 25 * * *': must be a cron expression"),
    ({"schedule": "0 2 31 2 *"}, "schedule = '0 2 31 2 *': must be a cron expression for a day that exists"),
    ({"timezone": "Europe/Hannover"}, "timezone = 'Europe/Hannover': must be a time zone of the IANA database"),
    ({"key_template": "{client}/{environment}/x.csv"}, "must end with {file}, else the files of an export collide"),
    ({"key_template": "{klient}/{file}"}, "{klient} is not one of business_date, client, environment, file, run"),
    ({"key_template": "{client/{file}"}, "key_template = '{client/{file}': "),
    ({"key_template": "/{client}/{environment}/{file}"}, "starts with '/' or has an empty, '.' or '..' part"),
    ({"key_template": "{client}/../{environment}/{file}"}, "starts with '/' or has an empty, '.' or '..' part"),
    ({"key_template": "{client!r}/{file}"}, "key_template = '{client!r}/{file}': {client} is not one of"),
    ({"key_template": "büro/{client}/{environment}/{file}"}, "has a character that is unsafe in keys"),
    (
        {"key_template": "{client}/{file}"},
        "lacks {environment}: the files of two clients or environments would collide",
    ),
    ({"sql_settings": {"jit": False}}, "sql_settings.jit = False: must be text: put it in quotation marks"),
    ({"sql_settings": {"work_mem": "1MB -c x=y"}}, "is not a plain Postgres setting such as work_mem: 256MB"),
    ({"sql_settings": {"search_path": "x"}}, "search_path is set by the run itself; remove it here"),
    ({"alerts": {"email": ["nobody"]}}, "alerts.email.0 = 'nobody': must be a mail address such as"),
    ({"alerts": {"mail": []}}, "alerts.mail: unknown key; did you mean email?"),
    ({"alerts": "all"}, "alerts = 'all': must be a mapping"),
    ({"check_severity": {"x": "fatal"}}, "check_severity.x = 'fatal': must be one of fail, warn, info"),
    ({"alerts": {"runbook_url": "docs"}}, "alerts.runbook_url = 'docs': must be an address such as https://"),
    ({"deadline_minutes": True}, "deadline_minutes = True: must be a whole number from 1 to 1440"),
    (
        {"deadline_minutes": 200},
        "clients.one.prod: deadline_minutes = 200 must not exceed run_timeout_minutes = 120: a run that is stopped",
    ),
    ({"db_conn_id": "a b"}, "db_conn_id = 'a b': must be the id of an Airflow connection"),
]


@pytest.mark.parametrize(("entry", "message"), ENTRY, ids=[message[:40] for _, message in ENTRY])
def test_a_wrong_entry_breaks_only_itself(tmp_path: Path, entry: dict[str, object], message: str) -> None:
    path = changed(tmp_path, clients={"one": {"prod": entry}, "two": {"prod": {}}})
    one, two = load_clients(path, {})
    assert isinstance(two, ClientConfig)
    assert isinstance(one, BrokenConfig)
    assert message in one.error
    assert str(path) in one.error
    assert len(one.error.splitlines()) == 1


@pytest.mark.parametrize(
    ("sections", "place"),
    [
        ({"defaults": {"s3_bucket": "b-1", "retries": 99}}, "defaults: retries = 99: must be"),
        ({"environments": {"prod": {"retries": 99}}}, "environments.prod: retries = 99: must be"),
        ({"environments": {"prod": {"alerts": {"email": ["x"]}}}}, "environments.prod: alerts.email.0 = 'x': must be"),
        ({"defaults": {}}, "clients.one.prod: s3_bucket: is missing"),
        (
            {"clients": {"one": {"prdo": {}}}},
            "environment = 'prdo': must be one of dev, stage, prod, local, playground",
        ),
        ({"clients": {"Ein Kunde": {"prod": {}}}}, "client = 'Ein Kunde': must be 1 to 40 lower-case letters"),
    ],
)
def test_the_layer_that_is_wrong_is_named(tmp_path: Path, sections: dict[str, object], place: str) -> None:
    entry = load_clients(changed(tmp_path, **sections), {})[0]
    assert isinstance(entry, BrokenConfig)
    assert place in entry.error
    assert entry.dag_id.isascii()
    assert " " not in entry.dag_id


def test_the_variable_that_is_wrong_is_named(tmp_path: Path) -> None:
    (entry, *_) = load_clients(written(tmp_path), {"BDA_SYSTEMS": "bookkeeper,foo"})
    assert isinstance(entry, BrokenConfig)
    assert entry.error == "BDA_SYSTEMS = 'bookkeeper,foo': unknown system foo; known: bookkeeper, tripica"


def test_a_later_layer_may_ignore_a_system_that_an_earlier_one_selects(tmp_path: Path) -> None:
    path = changed(tmp_path, defaults={"s3_bucket": "b-1", "systems": ["tripica", "bookkeeper"]})
    config = load_client("one", "prod", path, {"BDA_IGNORE_SYSTEMS": "tripica"})
    assert config.systems == ("bookkeeper", "tripica")
    assert config.active_systems == ("bookkeeper",)


FILE = [
    ("systems: {a: {needs: [b]}}", "systems.a.needs: unknown system b; known: a"),
    ("systems: {a: {needs: [b]}, b: {needs: [a]}}", "systems: a, b need each other; remove one of the needs"),
    ("systems: {a: {needs: a}}", "systems.a.needs must be a list such as [bookkeeper], not 'a'"),
    ("systems: {a: {need: []}}", "systems.a: unknown key need; did you mean needs?"),
    ("systems: {A-B: {}}", "systems.A-B: a system's name has lower-case letters, digits and _ only"),
    ("client: {}", "unknown key client; did you mean clients?"),
    ("clients: {a: {prod: {}, prod: {}}}", "line 1: duplicate key prod (first in line 1)"),
    ("clients:\n  a: {prod: {}}\n  a: {stage: {}}", "line 3: duplicate key a (first in line 2); merge"),
    ("clients: {no: {prod: {}}}", "line 1: YAML reads this key as False; put it in quotation marks"),
    ("clients: {a: [prod]}", "clients.a must be a mapping, not ['prod']"),
    ("clients: {a: {prod: 1}}", "clients.a.prod must be a mapping, not 1"),
    ("environments: {prdo: {}}", "environments: unknown environment prdo; did you mean prod?"),
    ("environments: {prod: 1}", "environments.prod must be a mapping, not 1"),
    ("- a", "must be a mapping with the keys systems, defaults, environments, clients"),
    ("a: [", "not valid YAML in UTF-8"),
]


@pytest.mark.parametrize(("text", "message"), FILE, ids=[message[:40] for _, message in FILE])
def test_a_problem_of_the_whole_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as refusal:
        load_clients(path, {})
    assert str(path) in str(refusal.value)
    assert message in str(refusal.value)


@pytest.mark.parametrize("entry", ["1", "[prod]", "text", "false"])
def test_an_entry_that_is_not_a_mapping_breaks_only_itself(tmp_path: Path, entry: str) -> None:
    path = written(tmp_path, BASE + f"  three: {{stage: {entry}}}\n  zero: {entry}\n")
    found = load_clients(path, {})
    broken = {entry.dag_id[24:]: entry.error for entry in found if isinstance(entry, BrokenConfig)}
    assert len(found) == 5
    assert list(broken) == ["three_stage", "zero_unknown"]
    assert "clients.yaml: clients.three.stage must be a mapping, not " in broken["three_stage"]
    assert "clients.yaml: clients.zero must be a mapping, not " in broken["zero_unknown"]


def test_every_problem_in_the_sections_is_reported(tmp_path: Path) -> None:
    text = """
systems: {A-B: {}, a: {need: []}, b: {needs: [x, y]}, c: {needs: c}}
defaults: [1]
environments: {prdo: {}, stage: 1}
client: {}
"""
    with pytest.raises(ConfigError) as refusal:
        load_clients(written(tmp_path, text), {"BDA_DB_PORT": "0", "BDA_DRY_RUN": "x"})
    assert len(str(refusal.value).splitlines()) == 11


def test_a_wrong_field_hides_no_problem_of_others(tmp_path: Path) -> None:
    entry = {"retries": 99, "deadline_minutes": 200, "systems": ["tripica", "sap", "sop"], "timezone": "x"}
    path = changed(tmp_path, clients={"one": {"prod": entry}})
    (broken,) = load_clients(path, {})
    assert isinstance(broken, BrokenConfig)
    shown = "\n".join(sorted(broken.error.splitlines()))
    assert len(broken.error.splitlines()) == 4
    assert "deadline_minutes = 200 must not exceed run_timeout_minutes = 120" in shown
    assert "unknown systems sap, sop; known: bookkeeper, tripica; system tripica reads tables of bookkeeper" in shown


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"clients\.yaml: not found"):
        load_clients(tmp_path / "clients.yaml", {})


def test_an_environment_without_clients_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"BDA_ENVIRONMENT = 'dev': .* has no client in this environment"):
        load_clients(written(tmp_path), {"BDA_ENVIRONMENT": "dev"})


def test_load_client_raises_with_every_problem(tmp_path: Path) -> None:
    path = changed(tmp_path, clients={"one": {"prod": {"retries": -1, "timezone": "x"}}})
    with pytest.raises(ConfigError) as refusal:
        load_client("one", "prod", path, {})
    assert len(str(refusal.value).splitlines()) == 2


def test_the_model_is_frozen_and_its_names_are_fixed(tmp_path: Path) -> None:
    config = load_client("two", "stage", written(tmp_path), {})
    with pytest.raises(ValueError, match="frozen"):
        config.retries = 9
    assert config.dag_id == "billing_data_aggregator_two_stage"
    assert config.database_conn_id == "octopus_two_stage"
    assert config.manifest_key == "two/stage/_manifest.json"


@pytest.mark.parametrize("folders", [[], ["sql"], ["prechecks/bookkeeper"]])
def test_a_missing_sql_folder_is_named(tmp_path: Path, folders: list[str]) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    config = load_client("one", "prod", written(tmp_path), {"BDA_SCRIPTS_DIR": str(tmp_path)})
    with pytest.raises(ConfigError) as refusal:
        sql_root(config)
    assert f"BDA_SCRIPTS_DIR = {str(tmp_path)!r}: {tmp_path / 'init'} is not a folder" in str(refusal.value)
