"""Where connections come from, TLS, session settings; secrets reach neither DAG nor log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.config import ClientConfig, ConfigError, load_client
from billing_aggregator.postgres import session_settings
from billing_aggregator.postgres.connection import postgres_hook
from billing_aggregator.s3.client import client_hook

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "Geheim-4711-xyz"
DATABASE = {"BDA_DB_HOST": "db.example.org", "BDA_DB_PORT": "6543", "BDA_DB_PASSWORD": SECRET}
STORE = {"BDA_S3_ACCESS_KEY": "key-of-environment", "BDA_S3_SECRET_ACCESS_KEY": SECRET}


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.execution_time.cache import SecretCache

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PGSSLROOTCERT", raising=False)
    SecretCache.reset()


def configured(monkeypatch: pytest.MonkeyPatch, environment: str = "prod", **variables: str) -> ClientConfig:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return load_client("enercity", environment)


def connection(config: ClientConfig) -> Any:
    return postgres_hook(config, application_name="test", statement_seconds=5).connection


def give(monkeypatch: pytest.MonkeyPatch, name: str, **values: Any) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(values))


def test_the_variables_are_used_where_airflow_has_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    found = connection(configured(monkeypatch, **DATABASE))
    assert (found.host, found.port, found.schema, found.login) == (
        "db.example.org",
        6543,
        "octopus",
        "billing_aggregator",
    )
    assert found.password == SECRET


def test_airflows_connection_wins_over_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, "octopus_enercity_prod", conn_type="postgres", host="vault.example.org", password="elsewhere-1")
    found = connection(configured(monkeypatch, **DATABASE))
    assert (found.host, found.password) == ("vault.example.org", "elsewhere-1")


def test_without_any_the_error_names_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"connection octopus_enercity_prod \(type postgres\) or set BDA_DB_HOST"):
        connection(configured(monkeypatch))


@pytest.mark.parametrize(
    ("environment", "extra", "root", "expected"),
    [
        ("local", {}, False, None),
        ("local", {"sslmode": "disable"}, False, "disable"),
        ("dev", {}, False, "require"),
        ("prod", {}, False, "require"),
        ("prod", {}, True, "verify-full"),
        ("prod", {"sslmode": "require"}, True, "verify-full"),
        ("prod", {"sslrootcert": "/ca.pem"}, False, "verify-full"),
        ("prod", {"sslrootcert": "/ca.pem", "sslmode": "verify-ca"}, False, "verify-ca"),
        ("playground", {"sslmode": "verify-full"}, False, "verify-full"),
    ],
)
def test_tls_is_required_unless_local_and_verified_with_a_root(
    monkeypatch: pytest.MonkeyPatch, environment: str, extra: dict[str, str], root: bool, expected: str | None
) -> None:
    if root:
        monkeypatch.setenv("PGSSLROOTCERT", "/ca.pem")
    give(monkeypatch, f"octopus_enercity_{environment}", conn_type="postgres", host="db", extra=extra)
    assert connection(configured(monkeypatch, environment)).extra_dejson.get("sslmode") == expected


def test_without_a_home_there_is_no_root_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in many clusters: no HOME, and a user unknown to the machine."""
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    assert connection(configured(monkeypatch, **DATABASE)).extra_dejson["sslmode"] == "require"


def test_a_root_certificate_in_the_home_folder_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql/root.crt").write_text("", encoding="ascii")
    assert connection(configured(monkeypatch, **DATABASE)).extra_dejson["sslmode"] == "verify-full"


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_a_connection_without_tls_is_refused(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    give(monkeypatch, "octopus_enercity_prod", conn_type="postgres", host="db", extra={"sslmode": mode})
    with pytest.raises(ConfigError, match=f"sslmode = '{mode}', but prod needs TLS: one of require"):
        connection(configured(monkeypatch))


def test_session_options_of_the_connection_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, "octopus_enercity_local", conn_type="postgres", host="db", extra={"options": "-c jit=on"})
    with pytest.raises(ConfigError, match="would replace the run's session settings; move them to sql_settings"):
        connection(configured(monkeypatch, "local"))


def test_the_session_has_time_outs_utc_and_the_clients_settings() -> None:
    config = load_client("enercity", "local", environ={})
    settings = session_settings(
        application_name="bda:a b;c" + "x" * 99, statement_seconds=50, sql_settings=config.sql_settings
    )
    assert settings["timezone"] == "UTC"
    assert settings["statement_timeout"] == "50000ms"
    assert settings["work_mem"] == "256MB"
    assert settings["application_name"].startswith("bda:a_b_c")
    assert len(settings["application_name"]) == 63


@pytest.mark.parametrize(
    ("stored", "key"),
    [(None, "key-of-environment"), ("key-of-airflow", "key-of-airflow")],
    ids=["variables", "airflow"],
)
def test_the_store_uses_airflows_connection_else_the_variables(
    monkeypatch: pytest.MonkeyPatch, stored: str | None, key: str
) -> None:
    if stored:
        give(monkeypatch, "aws_default", conn_type="aws", login=stored, password="p-4711")
    config = configured(monkeypatch, BDA_S3_URL="http://127.0.0.1:9", BDA_S3_REGION="eu-west-3", **STORE)
    client: Any = client_hook(config).get_conn()
    assert client._request_signer._credentials.access_key == key
    assert client.meta.endpoint_url == "http://127.0.0.1:9"
    assert client.meta.region_name == "eu-west-3"


def test_no_secret_in_the_model_the_dag_or_its_rendered_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    from billing_aggregator.dag.build import build_dag
    from billing_aggregator.night import read_night

    config = configured(monkeypatch, "local", **DATABASE, **STORE)
    dag = build_dag(read_night(config))
    texts = [repr(config), config.model_dump_json(), json.dumps(DagSerialization.to_dict(dag)), repr(dag.tasks)]
    # Mapped tasks keep template fields in their partial arguments; vars() has both kinds.
    texts += [
        repr({name: getattr(task, name, None) for name in (*task.template_fields, *vars(task))}) for task in dag.tasks
    ]
    assert all(SECRET not in text and "key-of-environment" not in text for text in texts)


def test_secrets_of_the_variables_are_masked_in_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.log import redact  # type: ignore[attr-defined]  # re-exported, but not by a public name

    config = configured(monkeypatch, **DATABASE, **STORE)
    connection(config)
    client_hook(config)
    assert SECRET not in str(redact(f"password is {SECRET}"))
