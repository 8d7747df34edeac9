"""The ``BDA_*`` environment variables: read once and checked; their secrets reach no log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import Field, SecretStr, ValidationError, field_validator

from billing_aggregator.config.errors import ConfigError, describe, suggestion
from billing_aggregator.config.models import normal_log_level
from billing_aggregator.config.values import (
    ENVIRONMENT_NAMES,
    MAX_ROWS_PER_FILE,
    BucketName,
    ClientId,
    Environment,
    HostName,
    LogLevel,
    Model,
    NotEmpty,
    Region,
    SystemName,
    Url,
    allowed,
    is_whole_number,
    plain_number,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import ValidationInfo

PREFIX = "BDA_"
# Read by the project's own tools, not by the aggregator.
TOOL_VARIABLES = frozenset({"BDA_TEST_PG_VERSION", "BDA_AIRFLOW_CHART", "BDA_REQUIRE_TOOLS"})
# Kubernetes puts the addresses of services into each pod: a Helm release `bda` gives BDA_..._SERVICE_HOST.
SERVICE_LINK = re.compile(r"BDA_\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP)(_\w+)?)|BDA_\w+_PORT=tcp://.*")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
PAIRS = (("BDA_S3_ACCESS_KEY", "BDA_S3_SECRET_ACCESS_KEY"),)
CONTRADICTIONS = (("BDA_SYSTEMS", "BDA_IGNORE_SYSTEMS"),)


class EnvironmentSettings(Model):
    """The values of the ``BDA_*`` variables; a field is None when its variable is unset or empty."""

    client_id: ClientId | None = Field(
        default=None,
        alias="BDA_CLIENT_ID",
        description="The client. When set, this deployment has one DAG, of this client in `BDA_ENVIRONMENT`, whether "
        "`clients.yaml` names it or not. Unset: every client of `clients.yaml`; `make run` takes `enercity`.",
    )
    environment: Environment | None = Field(
        default=None,
        alias="BDA_ENVIRONMENT",
        description="The environment. Unset: detected, see below. Without `BDA_CLIENT_ID`: only entries of this "
        "environment become DAGs.",
    )
    log_level: LogLevel | None = Field(
        default=None, alias="BDA_LOG_LEVEL", description="Level of the aggregator's log; SQL text at DEBUG only."
    )
    db_host: HostName | None = Field(
        default=None,
        alias="BDA_DB_HOST",
        description="Host of the warehouse, used where Airflow has no connection `octopus_<client>_<environment>`. "
        "Unset in `make run`: an embedded server with the sample vault.",
    )
    db_port: int = Field(default=5432, alias="BDA_DB_PORT", ge=1, le=65_535, description="Port of the warehouse.")
    db_name: NotEmpty = Field(default="octopus", alias="BDA_DB_NAME", description="Database of the warehouse.")
    db_user: NotEmpty = Field(
        default="billing_aggregator", alias="BDA_DB_USER", description="Role that reads the vaults."
    )
    db_password: SecretStr | None = Field(default=None, alias="BDA_DB_PASSWORD", description="Its password. Secret.")
    db_max_conns: int | None = Field(
        default=None,
        alias="BDA_DB_MAX_CONNS",
        ge=1,
        le=64,
        description="Tasks of one run that use the database at the same time; each has one connection.",
    )
    db_max_idle: int | None = Field(
        default=None,
        alias="BDA_DB_MAX_IDLE",
        ge=0,
        description="Accepted, without effect: every task opens and closes its own connection, none is ever idle.",
    )
    db_minutes_idle: int | None = Field(
        default=None,
        alias="BDA_DB_MINUTES_IDLE",
        ge=0,
        description="Accepted, without effect, for the same reason; the server ends a session that is idle within a "
        "transaction after 10 minutes.",
    )
    s3_bucket: BucketName | None = Field(
        default=None,
        alias="BDA_S3_BUCKET",
        description="Bucket of the CSV files. Unset together with `BDA_S3_URL` in `make run`: a local S3 server.",
    )
    s3_region: Region | None = Field(default=None, alias="BDA_S3_REGION", description="Region of the bucket.")
    s3_url: Url | None = Field(
        default=None, alias="BDA_S3_URL", description="Endpoint of another store than AWS, such as MinIO."
    )
    s3_access_key: SecretStr | None = Field(
        default=None,
        alias="BDA_S3_ACCESS_KEY",
        description="Used where Airflow has no AWS connection. Unset: boto3's own chain, such as a role. Secret.",
    )
    s3_secret_access_key: SecretStr | None = Field(
        default=None, alias="BDA_S3_SECRET_ACCESS_KEY", description="Belongs to `BDA_S3_ACCESS_KEY`. Secret."
    )
    systems: tuple[SystemName, ...] | None = Field(
        default=None, alias="BDA_SYSTEMS", description="Systems to rebuild and publish, separated by commas."
    )
    ignore_systems: tuple[SystemName, ...] | None = Field(
        default=None, alias="BDA_IGNORE_SYSTEMS", description="Systems to leave out, separated by commas."
    )
    max_rows_per_file: int | None = Field(
        default=None,
        alias="BDA_MAX_ROW_SIZE_FILE",
        ge=1,
        le=MAX_ROWS_PER_FILE,
        description="Rows in each CSV file but the last, its header not counted.",
    )
    scripts_dir: NotEmpty | None = Field(
        default=None,
        alias="BDA_SCRIPTS_DIR",
        description="Folder that replaces `include/sql`, with `init/<system>/` and the other phases.",
    )
    dry_run: bool | None = Field(
        default=None,
        alias="BDA_DRY_RUN",
        description="Rebuild and audit, count what would be exported, publish nothing and keep no history.",
    )

    @field_validator("systems", "ignore_systems", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("*", mode="before")
    @classmethod
    def _plain_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        field = cls.model_fields[str(info.field_name)]
        if not is_whole_number(field):
            return value
        try:
            return plain_number(value)
        except ValueError:
            raise ValueError(f"must be {allowed(field)}") from None

    @field_validator("log_level", "environment", mode="before")
    @classmethod
    def _spelling(cls, value: Any, info: Any) -> Any:
        if info.field_name == "environment" and isinstance(value, str):
            return value.strip().lower()
        return normal_log_level(value)

    def overrides(self) -> dict[str, Any]:
        """Return the values that override those of a client's entry, by field name."""
        fields = (
            "log_level", "db_max_conns", "s3_bucket", "s3_region", "s3_url", "systems", "ignore_systems",
            "max_rows_per_file", "scripts_dir", "dry_run",
        )  # fmt: skip
        return {name: value for name in fields if (value := getattr(self, name)) is not None}

    def detected_environment(self) -> str:
        """Return BDA_ENVIRONMENT, else the environment that is part of the database host's name.

        That is ``prod`` for ``octopus.prod.example`` and ``stage`` for ``db-stage.example``; without a host, or with a
        loopback address, it is ``local``. Raises :class:`ConfigError` where the name has none, or two.
        """
        if self.environment:
            return self.environment
        if self.db_host is None or self.db_host in LOOPBACK or self.db_host.startswith("/"):
            return "local"
        named = {part for part in re.split(r"[^a-z]+", self.db_host.lower()) if part in ENVIRONMENT_NAMES}
        if len(named) == 1:
            return named.pop()
        raise ConfigError(
            f"BDA_ENVIRONMENT is unset and BDA_DB_HOST = {self.db_host!r} does not name an environment; "
            f"set BDA_ENVIRONMENT to one of {', '.join(ENVIRONMENT_NAMES)}"
        )


def variable_of(field: str) -> str:
    """Return the variable that sets *field*."""
    return str(EnvironmentSettings.model_fields[field].alias)


def read_environment(environ: Mapping[str, str]) -> EnvironmentSettings:
    """Read and check all ``BDA_*`` variables of *environ*; an empty value counts as unset, except for BDA_CLIENT_ID.

    :raises ConfigError: names every wrong variable, its value (never a secret's) and what is allowed.
    """
    settings, problems = examine_environment(environ)
    if problems:
        raise ConfigError("\n".join(problems))
    return settings


def examine_environment(environ: Mapping[str, str]) -> tuple[EnvironmentSettings, list[str]]:
    """Return the settings without the wrong variables, and a line for each problem."""
    known = {variable_of(field) for field in EnvironmentSettings.model_fields}
    given: dict[str, str] = {}
    problems = []
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX) or name in TOOL_VARIABLES:
            continue
        if name not in known and (SERVICE_LINK.fullmatch(name) or SERVICE_LINK.fullmatch(f"{name}={value}")):
            continue
        if name not in known:
            problems.append(f"unknown variable {name}{suggestion(name, known)}")
        elif name == "BDA_CLIENT_ID" and not value.strip():
            problems.append("BDA_CLIENT_ID is empty; name a client, or unset it")
        elif value.strip():
            given[name] = value.strip()
    problems += _contradictions(given)
    try:
        return EnvironmentSettings.model_validate(given), problems
    except ValidationError as error:
        problems += describe(error, EnvironmentSettings, lambda location: str(location[0]))
        wrong = {str(problem["loc"][0]) for problem in error.errors()}
    right = {name: value for name, value in given.items() if name not in wrong}
    return EnvironmentSettings.model_validate(right), problems


def _contradictions(given: Mapping[str, str]) -> list[str]:
    problems = []
    for chosen, ignored in CONTRADICTIONS:
        both = ", ".join(sorted(_names(given.get(chosen, "")) & _names(given.get(ignored, ""))))
        if both:
            problems.append(
                f"{chosen} = {given[chosen]!r} and {ignored} = {given[ignored]!r} both name {both}; "
                "name it in one of them"
            )
    for first, second in PAIRS:
        if (first in given) != (second in given):
            there, lacking = (first, second) if first in given else (second, first)
            problems.append(f"{there} is set and {lacking} is not; set both, or none")
    return problems


def _names(text: str) -> set[str]:
    return {part.strip() for part in text.split(",") if part.strip()}
