"""The frozen model of one client in one environment: everything that its DAG is built from, without secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from billing_aggregator.config.errors import TOGETHER
from billing_aggregator.config.export_options import ExportOptions
from billing_aggregator.config.feeds import Feed, FeedName, OrdersOptions, UsageOptions, feed_dag_id
from billing_aggregator.config.key_template import manifest_key
from billing_aggregator.config.texts import Cron, KeyTemplate, ScriptSettings, SqlSettings, TimeZoneName
from billing_aggregator.config.values import (
    MAX_ROWS_PER_FILE,
    BucketName,
    ClientId,
    ConnectionId,
    EmailAddress,
    Environment,
    ExecutorName,
    LogLevel,
    Model,
    OptionalUrl,
    PhaseName,
    Region,
    Severity,
    SystemName,
    Url,
    allowed,
    plain_number,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import ValidationInfo


class Alerts(Model):
    """Where alerts are sent."""

    email: tuple[EmailAddress, ...] = ()
    slack: bool = False
    smtp_conn_id: ConnectionId = "smtp_default"
    slack_conn_id: ConnectionId = "slack_alerts"
    # Where docs/runbook.md is published; messages link to its sections. Empty: they name the file.
    runbook_url: OptionalUrl = ""


class ClientConfig(Model):
    """One client in one environment.

    Sizes are in rows, times in the unit of their name. Secrets are not here: see
    :mod:`billing_aggregator.postgres.connection`.
    """

    client: ClientId
    environment: Environment
    enabled: bool = True
    schedule: Cron | None = "0 2 * * *"
    timezone: TimeZoneName = "Europe/Berlin"
    dependencies: dict[SystemName, tuple[SystemName, ...]] = Field(default_factory=dict)
    needed_from: dict[SystemName, dict[SystemName, int]] = Field(default_factory=dict)
    systems: tuple[SystemName, ...] = Field(default=("bookkeeper", "tripica"), validate_default=True)
    ignore_systems: tuple[SystemName, ...] = Field(default=(), validate_default=True)
    db_conn_id: ConnectionId | None = None
    db_max_conns: int = Field(default=4, ge=1, le=64)
    aws_conn_id: ConnectionId = "aws_default"
    s3_bucket: BucketName
    s3_region: Region = "eu-central-1"
    s3_url: Url | None = None
    key_template: KeyTemplate = "{client}/{environment}/{file}"
    max_rows_per_file: int = Field(default=1_000_000, ge=1, le=MAX_ROWS_PER_FILE)
    export: ExportOptions = ExportOptions()
    retention_days: int = Field(default=400, ge=1, le=36_500)
    freshness_hours: int = Field(default=36, ge=0, le=8_760)
    run_timeout_minutes: int = Field(default=120, ge=1, le=1_440)
    deadline_minutes: int | None = Field(default=120, ge=1, le=1_440, validate_default=True)
    task_timeout_minutes: int = Field(default=60, ge=1, le=1_440)
    retries: int = Field(default=2, ge=0, le=10)
    retry_delay_seconds: int = Field(default=60, ge=1, le=3_600)
    sql_settings: SqlSettings = Field(default_factory=dict)
    executors: dict[PhaseName, ExecutorName] = Field(default_factory=dict)
    script_settings: dict[str, ScriptSettings] = Field(default_factory=dict)
    check_severity: dict[str, Severity] = Field(default_factory=dict)
    alerts: Alerts = Alerts()
    log_level: LogLevel = "INFO"
    dry_run: bool = False
    scripts_dir: str | None = None
    feeds: dict[FeedName, Feed] = Field(default_factory=dict)
    orders: OrdersOptions = OrdersOptions()
    usage: UsageOptions = UsageOptions()

    @property
    def dag_id(self) -> str:
        """The DAG's id: ``billing_data_aggregator_<client>_<environment>``."""
        return f"billing_data_aggregator_{self.client}_{self.environment}"

    @property
    def database_conn_id(self) -> str:
        """The Airflow connection of the warehouse: ``octopus_<client>_<environment>`` unless configured."""
        return self.db_conn_id or f"octopus_{self.client}_{self.environment}"

    def feed_dag_id(self, feed: str) -> str:
        """Return the id of a feed's DAG."""
        return feed_dag_id(feed, self.client, self.environment)

    @property
    def kafka_conn_id(self) -> str:
        """The Airflow connection of Kafka, unless a feed names another one: ``kafka_<client>_<environment>``."""
        return f"kafka_{self.client}_{self.environment}"

    @property
    def manifest_key(self) -> str:
        """The key of the manifest, which names the files of the published run."""
        return manifest_key(self.client, self.environment)

    def severity_of(self, check: str, own: Severity) -> Severity:
        """Return what a violation of *check* means for this client.

        :param check: the check's path without ``.sql``.
        :param own: what its file says.
        """
        return self.check_severity.get(check, own)

    def settings_of(self, script: str) -> dict[str, str]:
        """Return the Postgres settings of *script*, its path without ``.sql``, beside those of every session."""
        return self.script_settings.get(script, {})

    @property
    def active_systems(self) -> tuple[str, ...]:
        """The systems that run by default, in the order of their dependencies."""
        return tuple(name for name in ordered(self.systems, self.dependencies) if name not in self.ignore_systems)

    @field_validator("*", mode="before")
    @classmethod
    def _plain_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        # Python would read true as the number 1, and "1_000" as 1000.
        name = str(info.field_name)
        if cls.model_fields[name].annotation in (int, int | None):
            try:
                plain_number(str(value) if isinstance(value, bool) else value)
            except ValueError:
                raise ValueError(f"must be {allowed(cls.model_fields[name])}") from None
        return normal_log_level(value) if name == "log_level" else value

    @field_validator("systems", "ignore_systems")
    @classmethod
    def _are_systems(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        known = info.data.get("dependencies") or dict.fromkeys((*info.data.get("systems", ()), *names))
        unknown = list(dict.fromkeys(name for name in names if name not in known))
        twice = list(dict.fromkeys(name for name in names if names.count(name) > 1))
        problems = [f"names {name} twice; name it once" for name in twice]
        if unknown:
            several = "s" if len(unknown) > 1 else ""
            problems.append(f"unknown system{several} {', '.join(unknown)}; known: {', '.join(sorted(known))}")
            if info.field_name == "systems":
                problems += _lacking([name for name in names if name in known], info.data.get("dependencies", {}))
        if problems:
            raise ValueError("; ".join(problems))
        return names

    @field_validator("ignore_systems")
    @classmethod
    def _leaves_something(cls, ignored: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if info.data.get("systems"):
            check_choice(info.data["systems"], ignored, info.data.get("dependencies", {}))
        return ignored

    @field_validator("systems")
    @classmethod
    def _are_ordered(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        check_choice(names, (), info.data.get("dependencies", {}))
        return tuple(ordered(names, info.data.get("dependencies", {})))

    @field_validator("export")
    @classmethod
    def _has_no_second_place(cls, options: ExportOptions) -> ExportOptions:
        for name in ("key_template", "max_rows_per_file"):
            if getattr(options, name) != ExportOptions.model_fields[name].default:
                raise ValueError(f"{name} belongs beside export, not in it; move it one level up")
        return options

    @field_validator("deadline_minutes")
    @classmethod
    def _deadline_comes_first(cls, deadline: int | None, info: ValidationInfo) -> int | None:
        # A check of the field, not of the model: another field's error must not hide this one.
        timeout = info.data.get("run_timeout_minutes")
        if deadline is not None and timeout is not None and deadline > timeout:
            raise PydanticCustomError(
                TOGETHER,
                "deadline_minutes = {deadline} must not exceed run_timeout_minutes = {timeout}: a run that is stopped "
                "first is reported as failed, never as late",
                {"deadline": deadline, "timeout": timeout},
            )
        return deadline


def _lacking(systems: list[str], dependencies: Mapping[str, tuple[str, ...]]) -> list[str]:
    try:
        missing_dependency(tuple(systems), dependencies)
    except ValueError as error:
        return [str(error)]
    return []


def normal_log_level(value: Any) -> Any:
    """Return a log level in Python's spelling, upper case and WARNING for warn; anything else unchanged."""
    upper = value.strip().upper() if isinstance(value, str) else ""
    level = {"WARN": "WARNING"}.get(upper, upper)
    return level if level in get_args(LogLevel) else value


def ordered(systems: tuple[str, ...], dependencies: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return *systems* with each one after those that it needs; raises ValueError for a cycle."""
    result: list[str] = []
    waiting = sorted(systems)
    while waiting:
        ready = [name for name in waiting if not set(dependencies.get(name, ())) & set(waiting)]
        if not ready:
            raise ValueError(f"systems: {', '.join(waiting)} need each other; remove one of the needs")
        result += ready
        waiting = [name for name in waiting if name not in ready]
    return result


def check_choice(
    systems: tuple[str, ...], ignored: tuple[str, ...], dependencies: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Return *systems* without the *ignored* ones, in their order.

    :raises ValueError: nothing is left, or a system is left without one that it needs.
    """
    left = tuple(name for name in ordered(systems, dependencies) if name not in ignored)
    if not left:
        known = ", ".join(sorted(dependencies or systems))
        raise ValueError(f"no system is left to run; choose one of: {known}")
    missing_dependency(left, dependencies)
    return left


def missing_dependency(systems: tuple[str, ...], dependencies: Mapping[str, tuple[str, ...]]) -> None:
    """Raise ValueError when one of *systems* needs a system that does not run."""
    for name in systems:
        for needed in dependencies.get(name, ()):
            if needed not in systems:
                raise ValueError(f"system {name} reads tables of {needed}: run both, or leave out {name} as well")
