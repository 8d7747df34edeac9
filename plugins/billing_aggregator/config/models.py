"""The frozen model of one client in one environment: everything that a DAG is built from, and no secret."""

from __future__ import annotations

import re
import string
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

Environment = Literal["dev", "stage", "prod", "local", "playground"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Severity = Literal["fail", "warn", "info"]
# A client id is part of S3 keys, DAG ids and folder names.
ClientId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$")]
SystemName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
BucketName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
EmailAddress = Annotated[str, StringConstraints(pattern=r"^[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+$")]

KEY_FIELDS = frozenset({"client", "environment", "business_date", "run_id", "file"})
MAX_ROWS_PER_FILE = 100_000_000


class Model(BaseModel):
    """Frozen; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Alerts(Model):
    """Who is told when something goes wrong."""

    email: tuple[EmailAddress, ...] = ()
    slack: bool = False
    smtp_conn_id: str = "smtp_default"
    slack_conn_id: str = "slack_alerts"
    # Where docs/runbook.md can be read; messages link to its sections. Empty: they name the file.
    runbook_url: str = Field(default="", pattern=r"^(https?://\S+)?$")


class ClientConfig(Model):
    """One client in one environment.

    Sizes are in rows, times in the unit of their name. Secrets are not here: see
    :mod:`billing_aggregator.connections`.
    """

    client: ClientId
    environment: Environment
    enabled: bool = True
    schedule: str | None = "0 2 * * *"
    timezone: str = "Europe/Berlin"
    systems: tuple[SystemName, ...] = ("bookkeeper", "tripica")
    ignore_systems: tuple[SystemName, ...] = ()
    dependencies: dict[SystemName, tuple[SystemName, ...]] = Field(default_factory=dict)
    db_conn_id: str = ""
    db_max_conns: int = Field(default=4, ge=1, le=64)
    aws_conn_id: str = "aws_default"
    s3_bucket: BucketName
    s3_region: str = Field(default="eu-central-1", pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")
    s3_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    key_template: str = "{client}/{environment}/{file}"
    max_rows_per_file: int = Field(default=1_000_000, ge=1, le=MAX_ROWS_PER_FILE)
    retention_days: int = Field(default=400, ge=1, le=36_500)
    freshness_hours: int = Field(default=36, ge=0, le=8_760)
    run_timeout_minutes: int = Field(default=240, ge=1, le=1_440)
    deadline_minutes: int | None = Field(default=120, ge=1, le=1_440)
    task_timeout_minutes: int = Field(default=60, ge=1, le=1_440)
    retries: int = Field(default=2, ge=0, le=10)
    retry_delay_seconds: int = Field(default=60, ge=1, le=3_600)
    sql_settings: dict[str, str] = Field(default_factory=dict)
    check_severity: dict[str, Severity] = Field(default_factory=dict)
    alerts: Alerts = Alerts()
    log_level: LogLevel = "INFO"
    dry_run: bool = False
    scripts_dir: str | None = None

    @property
    def dag_id(self) -> str:
        """The DAG's id: ``billing_data_aggregator_<client>_<environment>``."""
        return f"billing_data_aggregator_{self.client}_{self.environment}"

    @property
    def database_conn_id(self) -> str:
        """The Airflow connection of the warehouse: ``octopus_<client>_<environment>`` unless configured."""
        return self.db_conn_id or f"octopus_{self.client}_{self.environment}"

    @property
    def manifest_key(self) -> str:
        """The key of the manifest, which names the files of the published run."""
        return f"{self.client}/{self.environment}/_manifest.json"

    @property
    def active_systems(self) -> tuple[str, ...]:
        """The systems that run by default, in the order that their dependencies give."""
        return tuple(name for name in ordered(self.systems, self.dependencies) if name not in self.ignore_systems)

    @field_validator("schedule")
    @classmethod
    def _is_cron(cls, value: str | None) -> str | None:
        from croniter import croniter

        if value is not None and (len(value.split()) != 5 or not croniter.is_valid(value)):  # noqa: PLR2004
            raise ValueError("not a cron expression of five fields such as '0 2 * * *' (minute hour day month weekday)")
        return value

    @field_validator("timezone")
    @classmethod
    def _is_time_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("not a time zone of the IANA database such as Europe/Berlin") from None
        return value

    @field_validator("key_template")
    @classmethod
    def _is_key_template(cls, value: str) -> str:
        try:
            fields = [name for _, name, _, _ in string.Formatter().parse(value) if name is not None]
        except ValueError as error:
            raise ValueError(f"not a template: {error}") from None
        unknown = sorted(set(fields) - KEY_FIELDS)
        if unknown:
            raise ValueError(f"unknown field {{{unknown[0]}}}; allowed: {', '.join(sorted(KEY_FIELDS))}")
        if fields.count("file") != 1 or not value.endswith("{file}"):
            raise ValueError("must end with {file}, or files would overwrite each other")
        if value.startswith("/") or re.search(r"//|\.\.|[^\w{}./=-]", value):
            raise ValueError("may hold letters, digits and . _ - = / only, no leading or double slash")
        return value

    @field_validator("sql_settings")
    @classmethod
    def _are_settings(cls, value: dict[str, str]) -> dict[str, str]:
        for name, setting in value.items():
            if not re.fullmatch(r"[a-z_]+(\.[a-z_]+)?", name) or not re.fullmatch(r"[\w.-]+", setting):
                raise ValueError(f"{name}: {setting!r} is not a plain Postgres setting such as work_mem: 256MB")
        return dict(sorted(value.items()))

    @model_validator(mode="after")
    def _systems_fit(self) -> Self:
        known = self.dependencies or dict.fromkeys(self.systems, ())
        for field, names in (("systems", self.systems), ("ignore_systems", self.ignore_systems)):
            unknown = [name for name in names if name not in known]
            if unknown:
                raise ValueError(f"{field}: unknown system {unknown[0]!r}; known: {', '.join(sorted(known))}")
            if len(set(names)) != len(names):
                raise ValueError(f"{field}: a system is named twice: {', '.join(names)}")
        if not self.active_systems:
            raise ValueError("no system is left to run; choose one of: " + ", ".join(sorted(known)))
        missing_dependency(self.active_systems, self.dependencies)
        return self

    @model_validator(mode="after")
    def _deadline_comes_first(self) -> Self:
        if self.deadline_minutes is not None and self.deadline_minutes >= self.run_timeout_minutes:
            raise ValueError(
                f"deadline_minutes = {self.deadline_minutes} must be less than run_timeout_minutes = "
                f"{self.run_timeout_minutes}: a run that is stopped first is reported as failed, never as late"
            )
        return self


def ordered(systems: tuple[str, ...], dependencies: dict[str, tuple[str, ...]]) -> list[str]:
    """Return *systems* so that each stands behind those it needs; raises ValueError for a cycle."""
    result: list[str] = []
    waiting = sorted(systems)
    while waiting:
        ready = [name for name in waiting if not set(dependencies.get(name, ())) & set(waiting)]
        if not ready:
            raise ValueError(f"systems: {', '.join(waiting)} need each other; remove one of the needs")
        result += ready
        waiting = [name for name in waiting if name not in ready]
    return result


def missing_dependency(systems: tuple[str, ...], dependencies: dict[str, tuple[str, ...]]) -> None:
    """Raise ValueError when one of *systems* needs a system that does not run."""
    for name in systems:
        for needed in dependencies.get(name, ()):
            if needed not in systems:
                raise ValueError(f"system {name} reads tables of {needed}: run both, or leave out {name} as well")
