"""Each mistake in ``clients.yaml`` is refused with its file and place, and breaks no more than it must."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing_aggregator.config import BrokenConfig, ClientConfig, ConfigError, load_client, load_clients
from tests.unit.config.clients_files import BASE, changed, written

if TYPE_CHECKING:
    from pathlib import Path

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
    ({"script_settings": {"init/a/010_b": {"fsync": "off"}}}, "fsync is not a setting for single scripts; known: "),
    ({"script_settings": {"init/a/010_b": {"work_mem": "1 -c x"}}}, "is not a plain Postgres setting such as"),
    ({"script_settings": {"init/a/010_b": {"jit": False}}}, "must be text: put it in quotation marks"),
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


FILE = [
    ("systems: {a: {needs: [b]}}", "systems.a.needs: unknown system b; known: a"),
    ("systems: {a: {needs: [b]}, b: {needs: [a]}}", "systems: a, b need each other; remove one of the needs"),
    ("systems: {a: {needs: a}}", "systems.a.needs must be a list such as [bookkeeper], or {bookkeeper: 60}, not 'a'"),
    ("systems: {a: {needs: {b: 1}}}", "systems.a.needs: unknown system b; known: a"),
    ("systems: {a: {}, b: {needs: {a: x}}}", "systems.b.needs.a must be the number of a script, 0 to 999, not 'x'"),
    ("systems: {a: {}, b: {needs: {a: 1000}}}", "systems.b.needs.a must be the number of a script, 0 to 999, not 1000"),
    ("systems: {a: {}, b: {needs: {a: true}}}", "systems.b.needs.a must be the number of a script, 0 to 999, not True"),
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


def test_load_client_raises_with_every_problem(tmp_path: Path) -> None:
    path = changed(tmp_path, clients={"one": {"prod": {"retries": -1, "timezone": "x"}}})
    with pytest.raises(ConfigError) as refusal:
        load_client("one", "prod", path, {})
    assert len(str(refusal.value).splitlines()) == 2
