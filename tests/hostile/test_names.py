"""Client ids, keys, export names, systems and params: each hostile one is refused in words, before anything is done."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from billing_aggregator.config import ClientConfig, ConfigError, load_clients
from billing_aggregator.config.key_template import KeyTemplateError
from billing_aggregator.export.keys import ExportRun, check_export_name, render_key
from billing_aggregator.export.plan.planner import Export
from billing_aggregator.runs.params import RunParamError, default_params, resolve_params
from tests.hostile.texts import HOSTILE, PATHS

CONFIG = ClientConfig(client="enercity", environment="prod", s3_bucket="bucket")


@pytest.mark.parametrize("name", PATHS)
def test_a_client_id(name: str) -> None:
    with pytest.raises(ValidationError):
        ClientConfig(client=name, environment="prod", s3_bucket="bucket")
    if name:  # an empty variable counts as unset
        with pytest.raises(ConfigError, match="BDA_CLIENT_ID"):
            load_clients(environ={"BDA_CLIENT_ID": name, "BDA_ENVIRONMENT": "prod"})


@pytest.mark.parametrize("name", PATHS)
def test_a_part_of_a_key(name: str) -> None:
    if name in {"a" * 300}:
        return
    with pytest.raises(KeyTemplateError):
        ExportRun("s3://bucket", name, "prod", "2026-01-31", "run")
    with pytest.raises(KeyTemplateError):
        ExportRun("s3://bucket", "enercity", name, "2026-01-31", "run")
    if name != "a/b":
        with pytest.raises((KeyTemplateError, ValueError)):
            check_export_name(name)
        with pytest.raises(ValueError, match="name"):
            Export(name, query="select 1")


@pytest.mark.parametrize("run_id", [*PATHS, *HOSTILE])
def test_a_run_id_stays_below_its_prefix(run_id: str) -> None:
    """Airflow's users may name their runs: whatever the name, the key is below the client's prefix."""
    if not run_id:
        return
    run = ExportRun("s3://bucket", "enercity", "prod", "2026-01-31", run_id)
    try:
        key = render_key("{client}/{environment}/{run}/{file}", run, "a_0000.csv")
    except KeyTemplateError:
        return  # too long
    parts = key.split("/")
    assert (parts[:2], parts[3:]) == (["enercity", "prod"], ["a_0000.csv"])
    assert parts[2] not in {"", ".", ".."}
    assert key.isascii()
    assert key.isprintable()


@pytest.mark.parametrize("text", [*PATHS, *HOSTILE])
@pytest.mark.parametrize(
    "name", ["systems", "ignore_systems", "business_date", "dry_run", "max_rows_per_file", "other"]
)
def test_a_param_by_rest(name: str, text: str) -> None:
    for value in (text, [text], {text: text}):
        conf: dict[str, Any] = {name: value}
        context = {
            "params": default_params(CONFIG) | conf,
            "dag_run": SimpleNamespace(conf=conf, logical_date=datetime(2026, 1, 31, tzinfo=UTC)),
        }
        with pytest.raises(RunParamError) as refused:
            resolve_params(CONFIG, context)
        assert name in str(refused.value)
