"""The model of the ``BDA_*`` environment variables: what each may say, and what it is for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import Field, SecretStr, field_validator

from billing_aggregator.config.errors import ConfigError
from billing_aggregator.config.feeds import TopicName
from billing_aggregator.config.models import normal_log_level
from billing_aggregator.config.values import (
    ENVIRONMENT_NAMES,
    MAX_ROWS_PER_FILE,
    BootstrapServers,
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
    from pydantic import ValidationInfo

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


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
    kafka_bootstrap_servers: BootstrapServers | None = Field(
        default=None,
        alias="BDA_KAFKA_BOOTSTRAP_SERVERS",
        description="Brokers, used where Airflow has no connection `kafka_<client>_<environment>`. Unset in "
        "`make run`: a broker of this machine with the sample events.",
    )
    kafka_orders_topic: TopicName | None = Field(
        default=None, alias="BDA_KAFKA_ORDERS_TOPIC", description="`topic` of the feed `orders`."
    )
    kafka_events_topic: TopicName | None = Field(
        default=None, alias="BDA_KAFKA_EVENTS_TOPIC", description="`events_topic` of the feed `orders`."
    )
    cf_url: Url | None = Field(
        default=None,
        alias="BDA_CF_URL",
        description="Cloud Foundry's API, used where Airflow has no connection `cloudfoundry_<client>_<environment>`. "
        "Unset in `make run`: a stand-in on this machine.",
    )
    cf_client_id: NotEmpty | None = Field(
        default=None, alias="BDA_CF_CLIENT_ID", description="Client that may read every organization."
    )
    cf_client_secret: SecretStr | None = Field(
        default=None, alias="BDA_CF_CLIENT_SECRET", description="Belongs to `BDA_CF_CLIENT_ID`. Secret."
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

    def feed_overrides(self) -> dict[str, Any]:
        """Return the values that override those of the feed ``orders``, by field name."""
        given = {"topic": self.kafka_orders_topic, "events_topic": self.kafka_events_topic}
        return {name: value for name, value in given.items() if value is not None}

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
