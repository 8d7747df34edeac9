"""Settings of the service: ``BDA_*`` variables, those of the package and some of its own; unknown ones are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, SecretStr, ValidationError

from billing_aggregator.config.environment import own_variables
from billing_aggregator.config.environment_settings import LOOPBACK, EnvironmentSettings
from billing_aggregator.config.errors import ConfigError, describe
from billing_aggregator.config.values import HostName, NotEmpty, Url  # noqa: TC001 - read when the model is made

if TYPE_CHECKING:
    from collections.abc import Mapping


class ServiceSettings(EnvironmentSettings):
    """What the service is told; the fields of the package keep their names and meanings."""

    db_user: NotEmpty = Field(default="ledger_api", alias="BDA_DB_USER", description="Role that reads and posts.")
    api_host: HostName | None = Field(
        default=None, alias="BDA_API_HOST", description="Address to listen on. Unset: all, or loopback without issuer."
    )
    api_port: int = Field(default=8000, alias="BDA_API_PORT", ge=1, le=65_535, description="Port of REST.")
    grpc_port: int = Field(default=50051, alias="BDA_GRPC_PORT", ge=1, le=65_535, description="Port of gRPC.")
    api_pool_size: int = Field(
        default=8, alias="BDA_API_POOL_SIZE", ge=1, le=64, description="Connections to the database, at most."
    )
    timezone: NotEmpty = Field(
        default="UTC", alias="BDA_API_TIMEZONE", description="Zone of the business day where a posting names none."
    )
    oidc_issuer: Url | None = Field(default=None, alias="BDA_OIDC_ISSUER", description="Issuer of bearer tokens.")
    oidc_audience: NotEmpty = Field(
        default="ledger", alias="BDA_OIDC_AUDIENCE", description="Audience that a token must name."
    )
    oidc_jwks_url: Url | None = Field(
        default=None, alias="BDA_OIDC_JWKS_URL", description="The issuer's keys. Unset: as its discovery says."
    )
    airflow_url: Url | None = Field(
        default=None, alias="BDA_AIRFLOW_URL", description="Airflow's address; it takes readings of the usage."
    )
    airflow_token: SecretStr | None = Field(default=None, alias="BDA_AIRFLOW_TOKEN", description="Bearer. Secret.")
    airflow_user: NotEmpty | None = Field(default=None, alias="BDA_AIRFLOW_USER", description="Without a token.")
    airflow_password: SecretStr | None = Field(
        default=None, alias="BDA_AIRFLOW_PASSWORD", description="Of that user. Secret."
    )

    @property
    def host(self) -> str:
        """The address to listen on."""
        return self.api_host or ("0.0.0.0" if self.oidc_issuer else "127.0.0.1")  # noqa: S104 - with tokens only

    def dsn(self) -> dict[str, str | int]:
        """Return libpq's parameters; TLS is required in every environment but ``local``."""
        found: dict[str, str | int] = {
            "host": str(self.db_host), "port": self.db_port, "dbname": self.db_name, "user": self.db_user,
            "application_name": "ledger_api", "connect_timeout": 10,
            "options": "-c timezone=UTC -c statement_timeout=30000 -c lock_timeout=10000"
            " -c idle_in_transaction_session_timeout=60000",
        }  # fmt: skip
        if self.db_password:
            found["password"] = self.db_password.get_secret_value()
        if self.detected_environment() != "local":
            found["sslmode"] = "require"
        return found


def read_settings(environ: Mapping[str, str]) -> ServiceSettings:
    """Read and check the variables of *environ*; an empty value counts as unset.

    :raises ConfigError: one line for each wrong variable, without secrets.
    """
    known = {str(field.alias) for field in ServiceSettings.model_fields.values()}
    problems: list[str] = []
    given = {name: value.strip() for name, value in own_variables(environ, known, problems) if value.strip()}
    try:
        settings = ServiceSettings.model_validate(given)
    except ValidationError as error:
        problems += describe(error, ServiceSettings, lambda location: str(location[0]))
        raise ConfigError("\n".join(problems)) from None
    problems += _contradictions(settings)
    if problems:
        raise ConfigError("\n".join(problems))
    return settings


def _contradictions(settings: ServiceSettings) -> list[str]:
    problems = []
    if settings.db_host is None:
        problems.append("BDA_DB_HOST is unset: the ledger's database")
    else:
        try:
            settings.detected_environment()
        except ConfigError as error:
            problems.append(str(error))
    if settings.oidc_issuer is None and settings.host not in LOOPBACK:
        problems.append(
            f"BDA_API_HOST = {settings.host!r} without BDA_OIDC_ISSUER: anybody could post; without an issuer the "
            "service listens on loopback only"
        )
    return problems
