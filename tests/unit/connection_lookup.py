"""The warehouse's connection as its hook finds it, with its name and a secret that no error may quote."""

from __future__ import annotations

from typing import Any

from billing_aggregator.config import load_client
from billing_aggregator.postgres.connection import postgres_hook

SECRET = "Geheim-4711/xyz"
NAME = "octopus_enercity_prod"
VARIABLE = f"AIRFLOW_CONN_{NAME.upper()}"


def warehouse() -> Any:
    return postgres_hook(load_client("enercity", "prod"), application_name="t", statement_seconds=5).connection
