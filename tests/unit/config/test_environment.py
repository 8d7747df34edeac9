"""Every ``BDA_*`` variable: its setting, refused values and their messages, what stays secret."""

from __future__ import annotations

import pytest

from billing_aggregator.config import ConfigError, EnvironmentSettings, read_environment
from billing_aggregator.config.environment import PREFIX
from billing_aggregator.config.environment_settings import variable_of

SECRET = "Geheim-4711"

ACCEPTED = [
    ("BDA_CLIENT_ID", "q-cells", "client_id", "q-cells"),
    ("BDA_CLIENT_ID", " enercity\n", "client_id", "enercity"),
    ("BDA_ENVIRONMENT", "prod", "environment", "prod"),
    ("BDA_ENVIRONMENT", "PROD", "environment", "prod"),
    ("BDA_ENVIRONMENT", "playground", "environment", "playground"),
    ("BDA_LOG_LEVEL", "debug", "log_level", "DEBUG"),
    ("BDA_LOG_LEVEL", "warn", "log_level", "WARNING"),
    ("BDA_DB_HOST", "octopus.prod.example.org", "db_host", "octopus.prod.example.org"),
    ("BDA_DB_HOST", "10.0.0.7", "db_host", "10.0.0.7"),
    ("BDA_DB_HOST", "::1", "db_host", "::1"),
    ("BDA_DB_HOST", "/var/run/postgresql", "db_host", "/var/run/postgresql"),
    ("BDA_DB_PORT", "6543", "db_port", 6543),
    ("BDA_DB_PORT", "1", "db_port", 1),
    ("BDA_DB_PORT", "65535", "db_port", 65535),
    ("BDA_DB_NAME", "warehouse", "db_name", "warehouse"),
    ("BDA_DB_USER", "reporter", "db_user", "reporter"),
    ("BDA_DB_MAX_CONNS", "8", "db_max_conns", 8),
    ("BDA_DB_MAX_IDLE", "2", "db_max_idle", 2),
    ("BDA_DB_MINUTES_IDLE", "5", "db_minutes_idle", 5),
    ("BDA_S3_BUCKET", "my-bucket.1", "s3_bucket", "my-bucket.1"),
    ("BDA_S3_REGION", "us-gov-west-1", "s3_region", "us-gov-west-1"),
    ("BDA_S3_REGION", "fsn1", "s3_region", "fsn1"),
    ("BDA_S3_URL", "http://127.0.0.1:9000", "s3_url", "http://127.0.0.1:9000"),
    ("BDA_SYSTEMS", "tripica,bookkeeper", "systems", ("tripica", "bookkeeper")),
    ("BDA_SYSTEMS", " tripica , bookkeeper, ", "systems", ("tripica", "bookkeeper")),
    ("BDA_IGNORE_SYSTEMS", "tripica", "ignore_systems", ("tripica",)),
    ("BDA_MAX_ROW_SIZE_FILE", "100", "max_rows_per_file", 100),
    ("BDA_SCRIPTS_DIR", "/scripts", "scripts_dir", "/scripts"),
    ("BDA_DRY_RUN", "true", "dry_run", True),
    ("BDA_DRY_RUN", "0", "dry_run", False),
]

PORT = "must be a whole number from 1 to 65535"
ROWS = "must be a whole number from 1 to 100000000"
CLIENT = "must be 1 to 40 lower-case letters, digits and inner hyphens"
LEVELS = "must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL"
HOST = "must be a host's name or address alone, without protocol, user or port"
REFUSED = [
    ("BDA_CLIENT_ID", "Enercity", f"BDA_CLIENT_ID = 'Enercity': {CLIENT}"),
    ("BDA_CLIENT_ID", "a/b", f"BDA_CLIENT_ID = 'a/b': {CLIENT}"),
    ("BDA_CLIENT_ID", "-a", f"BDA_CLIENT_ID = '-a': {CLIENT}"),
    ("BDA_CLIENT_ID", "x" * 41, CLIENT),
    ("BDA_CLIENT_ID", "", "BDA_CLIENT_ID is empty; name a client, or unset it"),
    ("BDA_CLIENT_ID", "  ", "BDA_CLIENT_ID is empty; name a client, or unset it"),
    (
        "BDA_ENVIRONMENT",
        "production",
        "BDA_ENVIRONMENT = 'production': must be one of dev, stage, prod, local, playground",
    ),
    ("BDA_LOG_LEVEL", "loud", f"BDA_LOG_LEVEL = 'loud': {LEVELS}"),
    ("BDA_DB_HOST", "postgres://db", f"BDA_DB_HOST = 'postgres://db': {HOST}"),
    ("BDA_DB_HOST", "db:5432", f"BDA_DB_HOST = 'db:5432': {HOST}"),
    ("BDA_DB_PORT", "99999", f"BDA_DB_PORT = '99999': {PORT}"),
    ("BDA_DB_PORT", "0", f"BDA_DB_PORT = '0': {PORT}"),
    ("BDA_DB_PORT", "-1", f"BDA_DB_PORT = '-1': {PORT}"),
    ("BDA_DB_PORT", "5432a", f"BDA_DB_PORT = '5432a': {PORT}"),
    ("BDA_DB_PORT", "54.5", f"BDA_DB_PORT = '54.5': {PORT}"),
    ("BDA_DB_MAX_CONNS", "0", "BDA_DB_MAX_CONNS = '0': must be a whole number from 1 to 64"),
    ("BDA_DB_MAX_CONNS", "65", "BDA_DB_MAX_CONNS = '65': must be a whole number from 1 to 64"),
    ("BDA_DB_MAX_IDLE", "-1", "BDA_DB_MAX_IDLE = '-1': must be a whole number from 0"),
    ("BDA_DB_MINUTES_IDLE", "soon", "BDA_DB_MINUTES_IDLE = 'soon': must be a whole number from 0"),
    ("BDA_S3_BUCKET", "My_Bucket", "BDA_S3_BUCKET = 'My_Bucket': must be a bucket's name: 3 to 63"),
    ("BDA_S3_BUCKET", "ab", "BDA_S3_BUCKET = 'ab': must be a bucket's name"),
    ("BDA_S3_REGION", "Frankfurt am Main", "BDA_S3_REGION = 'Frankfurt am Main': must be a region's name such as eu"),
    ("BDA_S3_URL", "s3.example.org", "BDA_S3_URL = 's3.example.org': must be an address such as https://s3."),
    ("BDA_SYSTEMS", "tripica;bookkeeper", "BDA_SYSTEMS = 'tripica;bookkeeper': must be names of systems"),
    ("BDA_MAX_ROW_SIZE_FILE", "0", f"BDA_MAX_ROW_SIZE_FILE = '0': {ROWS}"),
    ("BDA_MAX_ROW_SIZE_FILE", "-100", f"BDA_MAX_ROW_SIZE_FILE = '-100': {ROWS}"),
    ("BDA_MAX_ROW_SIZE_FILE", "1e6", f"BDA_MAX_ROW_SIZE_FILE = '1e6': {ROWS}"),
    ("BDA_DRY_RUN", "maybe", "BDA_DRY_RUN = 'maybe': must be true or false"),
    ("BDA_LOG_LEVLE", "INFO", "unknown variable BDA_LOG_LEVLE; did you mean BDA_LOG_LEVEL?"),
    ("BDA_db_port", "5432", "unknown variable BDA_db_port; did you mean BDA_DB_PORT?"),
    ("BDA_XYZ", "1", "unknown variable BDA_XYZ; known: BDA_CF_CLIENT_ID, BDA_CF_CLIENT_SECRET, BDA_CF_URL, "),
]


@pytest.mark.parametrize(("name", "value", "field", "expected"), ACCEPTED)
def test_a_variable_becomes_a_setting(name: str, value: str, field: str, expected: object) -> None:
    assert getattr(read_environment({name: value}), field) == expected


@pytest.mark.parametrize(("name", "value", "message"), REFUSED)
def test_a_wrong_value_is_refused_with_variable_value_and_range(name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        read_environment({name: value})
    lines = str(refusal.value).splitlines()
    assert len(set(lines)) == 1
    assert message in lines[0]


def test_the_documented_defaults_hold_without_any_variable() -> None:
    settings = read_environment({"PATH": "/bin", "HOME": "/"})
    assert (settings.db_port, settings.db_name, settings.db_user) == (5432, "octopus", "billing_aggregator")
    assert settings.overrides() == {}


@pytest.mark.parametrize("name", sorted(str(f.alias) for f in EnvironmentSettings.model_fields.values()))
def test_an_empty_variable_counts_as_unset(name: str) -> None:
    if name != "BDA_CLIENT_ID":
        assert read_environment({name: ""}) == read_environment({})


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(ConfigError) as refusal:
        read_environment({"BDA_DB_PORT": "x", "BDA_LOG_LEVEL": "x", "BDA_NONSENSE": "x"})
    assert len(str(refusal.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"BDA_SYSTEMS": "tripica,bookkeeper", "BDA_IGNORE_SYSTEMS": "tripica"},
            "BDA_SYSTEMS = 'tripica,bookkeeper' and BDA_IGNORE_SYSTEMS = 'tripica' both name tripica",
        ),
        ({"BDA_S3_ACCESS_KEY": SECRET}, "BDA_S3_ACCESS_KEY is set and BDA_S3_SECRET_ACCESS_KEY is not"),
        ({"BDA_S3_SECRET_ACCESS_KEY": SECRET}, "BDA_S3_SECRET_ACCESS_KEY is set and BDA_S3_ACCESS_KEY is not"),
    ],
)
def test_contradictions_name_both_variables(variables: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        read_environment(variables)
    assert message in str(refusal.value)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize("value", ["0100", "1_000", "\uff15", "1e3", "+5", "5.0", "0x10", "-1", "\u0665", "1 000"])
@pytest.mark.parametrize("name", ["BDA_DB_PORT", "BDA_DB_MAX_CONNS", "BDA_MAX_ROW_SIZE_FILE", "BDA_DB_MAX_IDLE"])
def test_a_number_is_plain_decimal_digits(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{name} = .*: must be a whole number from \d"):
        read_environment({name: value})
    assert read_environment({name: " 5 "}) == read_environment({name: "5"})


def test_several_contradictions_are_reported_at_once() -> None:
    with pytest.raises(ConfigError) as refusal:
        read_environment(
            {"BDA_SYSTEMS": "a,b,c", "BDA_IGNORE_SYSTEMS": "c,a", "BDA_DB_PORT": "x", "BDA_S3_BUCKET": "b"}
        )
    assert len(str(refusal.value).splitlines()) == 3
    assert "both name a, c; name it in one of them" in str(refusal.value)


def test_variables_of_other_programs_are_ignored() -> None:
    read_environment(
        {
            "BDA_TEST_PG_VERSION": "16",
            "BDA_API_SERVER_SERVICE_HOST": "10.1.2.3",
            "BDA_API_SERVER_PORT": "tcp://10.1.2.3:8080",
            "BDA_API_SERVER_PORT_8080_TCP_ADDR": "10.1.2.3",
            "BDAX": "1",
        }
    )


SECRETS = {
    "BDA_DB_PASSWORD": SECRET,
    "BDA_S3_ACCESS_KEY": f"AK-{SECRET}",
    "BDA_S3_SECRET_ACCESS_KEY": f"SK-{SECRET}\n",
}


def test_secrets_are_in_no_representation() -> None:
    settings = read_environment(SECRETS)
    shown = [repr(settings), str(settings), repr(settings.model_dump()), settings.model_dump_json()]
    assert all(SECRET not in text for text in shown)
    assert settings.s3_secret_access_key is not None
    assert settings.s3_secret_access_key.get_secret_value() == f"SK-{SECRET}"


def test_secrets_are_in_no_error_message() -> None:
    wrong = {"BDA_DB_PORT": "x", "BDA_SYSTEMS": "a,a,A"} | SECRETS
    with pytest.raises(ConfigError) as refusal:
        read_environment(wrong)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BDA_DB_HOST", f"postgres://user:{SECRET}@db"),
        ("BDA_S3_URL", f"https://key:{SECRET}@s3.example.org"),
        ("BDA_S3_URL", f"https://{SECRET}@s3.example.org"),
    ],
)
def test_credentials_in_an_address_are_refused_and_not_repeated(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        read_environment({name: value})
    assert name in str(refusal.value)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(
    ("variables", "environment"),
    [
        ({}, "local"),
        ({"BDA_DB_HOST": "localhost"}, "local"),
        ({"BDA_DB_HOST": "127.0.0.1"}, "local"),
        ({"BDA_DB_HOST": "/var/run/postgresql"}, "local"),
        ({"BDA_DB_HOST": "octopus.prod.example.org"}, "prod"),
        ({"BDA_DB_HOST": "db-stage.example.org"}, "stage"),
        ({"BDA_DB_HOST": "db-stage.example.org", "BDA_ENVIRONMENT": "dev"}, "dev"),
    ],
)
def test_the_environment_is_detected(variables: dict[str, str], environment: str) -> None:
    assert read_environment(variables).detected_environment() == environment


@pytest.mark.parametrize("host", ["db.example.org", "prod-to-stage.example.org", "product.example.org"])
def test_a_host_that_does_not_name_an_environment_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match="set BDA_ENVIRONMENT to one of dev, stage, prod, local, playground"):
        read_environment({"BDA_DB_HOST": host}).detected_environment()


def test_every_variable_has_its_prefix_and_says_what_it_is_for() -> None:
    for name, field in EnvironmentSettings.model_fields.items():
        assert variable_of(name).startswith(PREFIX)
        assert field.description, name
