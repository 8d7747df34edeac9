"""The ``BDA_*`` environment variables: read once, checked, kept apart from secrets' reach of logs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator

from billing_aggregator.config.errors import ConfigError, describe, suggestion
from billing_aggregator.config.models import (
    MAX_ROWS_PER_FILE,
    BucketName,
    ClientId,
    Environment,
    LogLevel,
    Model,
    SystemName,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "BDA_"
# Read by the project's own tools, not by the aggregator.
TOOL_VARIABLES = frozenset({"BDA_TEST_PG_VERSION", "BDA_AIRFLOW_CHART", "BDA_REQUIRE_TOOLS"})
# Kubernetes puts the addresses of services into each pod: a Helm release `bda` gives BDA_..._SERVICE_HOST.
SERVICE_LINK = re.compile(r"BDA_\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP)(_\w+)?)|BDA_\w+_PORT=tcp://.*")
ENVIRONMENT_NAMES = ("dev", "stage", "prod", "local", "playground")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class EnvironmentSettings(Model):
    """What the ``BDA_*`` variables say; a field is None when its variable is unset or empty."""

    client_id: ClientId | None = Field(default=None, alias="BDA_CLIENT_ID")
    environment: Environment | None = Field(default=None, alias="BDA_ENVIRONMENT")
    log_level: LogLevel | None = Field(default=None, alias="BDA_LOG_LEVEL")
    db_host: str | None = Field(default=None, alias="BDA_DB_HOST", pattern=r"^\S+$")
    db_port: int = Field(default=5432, alias="BDA_DB_PORT", ge=1, le=65_535)
    db_name: str = Field(default="octopus", alias="BDA_DB_NAME", min_length=1)
    db_user: str = Field(default="billing_aggregator", alias="BDA_DB_USER", min_length=1)
    db_password: SecretStr | None = Field(default=None, alias="BDA_DB_PASSWORD")
    db_max_conns: int | None = Field(default=None, alias="BDA_DB_MAX_CONNS", ge=1, le=64)
    db_max_idle: int | None = Field(default=None, alias="BDA_DB_MAX_IDLE", ge=0)
    db_minutes_idle: int | None = Field(default=None, alias="BDA_DB_MINUTES_IDLE", ge=0)
    s3_bucket: BucketName | None = Field(default=None, alias="BDA_S3_BUCKET")
    s3_region: str | None = Field(default=None, alias="BDA_S3_REGION", pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")
    s3_url: str | None = Field(default=None, alias="BDA_S3_URL", pattern=r"^https?://\S+$")
    s3_access_key: SecretStr | None = Field(default=None, alias="BDA_S3_ACCESS_KEY")
    s3_secret_access_key: SecretStr | None = Field(default=None, alias="BDA_S3_SECRET_ACCESS_KEY")
    systems: tuple[SystemName, ...] | None = Field(default=None, alias="BDA_SYSTEMS")
    ignore_systems: tuple[SystemName, ...] | None = Field(default=None, alias="BDA_IGNORE_SYSTEMS")
    max_rows_per_file: int | None = Field(default=None, alias="BDA_MAX_ROW_SIZE_FILE", ge=1, le=MAX_ROWS_PER_FILE)
    scripts_dir: str | None = Field(default=None, alias="BDA_SCRIPTS_DIR")
    dry_run: bool | None = Field(default=None, alias="BDA_DRY_RUN")

    @field_validator("systems", "ignore_systems", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: Any) -> Any:
        return {"WARN": "WARNING"}.get(value.upper(), value.upper()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _choose_or_ignore(self) -> EnvironmentSettings:
        both = sorted(set(self.systems or ()) & set(self.ignore_systems or ()))
        if both:
            raise ValueError(f"BDA_SYSTEMS and BDA_IGNORE_SYSTEMS both name {both[0]}; name it in one of them")
        return self

    def overrides(self) -> dict[str, Any]:
        """Return what replaces the values of a client's entry."""
        fields = (
            "log_level", "db_max_conns", "s3_bucket", "s3_region", "s3_url", "systems", "ignore_systems",
            "max_rows_per_file", "scripts_dir", "dry_run",
        )  # fmt: skip
        return {name: value for name in fields if (value := getattr(self, name)) is not None}

    def detected_environment(self) -> str:
        """Return BDA_ENVIRONMENT, else what the database's host says.

        No host or a loopback address is ``local``; else a part of the host's name that is an environment's name
        (``octopus.prod.example``, ``db-stage.example``). Raises :class:`ConfigError` when nothing says it.
        """
        if self.environment:
            return self.environment
        if self.db_host is None or self.db_host in LOOPBACK:
            return "local"
        named = [part for part in re.split(r"[^a-z]+", self.db_host.lower()) if part in ENVIRONMENT_NAMES]
        if len(set(named)) == 1:
            return named[0]
        raise ConfigError(
            f"BDA_ENVIRONMENT is unset and BDA_DB_HOST = {self.db_host!r} does not tell the environment; "
            f"set BDA_ENVIRONMENT to one of: {', '.join(ENVIRONMENT_NAMES)}"
        )


def read_environment(environ: Mapping[str, str]) -> EnvironmentSettings:
    """Read and check all ``BDA_*`` variables of *environ*; an empty value counts as unset, but for the client's.

    :raises ConfigError: names every wrong variable, its value (never a secret's) and what is allowed.
    """
    known = {str(field.alias) for field in EnvironmentSettings.model_fields.values()}
    given: dict[str, str] = {}
    problems = []
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX) or name in TOOL_VARIABLES:
            continue
        if name not in known and (SERVICE_LINK.fullmatch(name) or SERVICE_LINK.fullmatch(f"{name}={value}")):
            continue
        if name not in known:
            problems.append(f"environment: unknown variable {name}{suggestion(name, known)}")
        elif name == "BDA_CLIENT_ID" and not value.strip():
            problems.append("environment: BDA_CLIENT_ID is empty; name a client, or unset it")
        elif value.strip():
            given[name] = value
    try:
        settings = EnvironmentSettings.model_validate(given)
    except ValidationError as error:
        problems.append(describe(error, "environment", known))
    if problems:
        raise ConfigError("\n".join(problems))
    return settings
