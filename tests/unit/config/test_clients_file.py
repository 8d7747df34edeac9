"""``clients.yaml``: layers, precedence, and the entries that become DAGs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing_aggregator.config import ClientConfig, ConfigError, load_client, load_clients
from billing_aggregator.config.load import sql_root
from tests.unit.config.clients_files import changed, written

if TYPE_CHECKING:
    from pathlib import Path


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


def test_a_later_layer_may_ignore_a_system_that_an_earlier_one_selects(tmp_path: Path) -> None:
    path = changed(tmp_path, defaults={"s3_bucket": "b-1", "systems": ["tripica", "bookkeeper"]})
    config = load_client("one", "prod", path, {"BDA_IGNORE_SYSTEMS": "tripica"})
    assert config.systems == ("bookkeeper", "tripica")
    assert config.active_systems == ("bookkeeper",)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"clients\.yaml: not found"):
        load_clients(tmp_path / "clients.yaml", {})


def test_an_environment_without_clients_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"BDA_ENVIRONMENT = 'dev': .* has no client in this environment"):
        load_clients(written(tmp_path), {"BDA_ENVIRONMENT": "dev"})


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
