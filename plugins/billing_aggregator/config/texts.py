"""Text values with their own syntax: cron expressions, time zones, key templates, Postgres settings."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, croniter
from pydantic import AfterValidator

from billing_aggregator.config.key_template import KeyTemplateError, check_template
from billing_aggregator.config.values import SettingText

CRON_FIELDS = 5
# Settings that a run sets and depends on in every session: see billing_aggregator.postgres.settings.
RUN_SETTINGS = frozenset(
    {"timezone", "application_name", "search_path", "role", "session_authorization", "client_encoding",
     "standard_conforming_strings", "default_transaction_isolation", "default_transaction_read_only",
     "default_transaction_deferrable", "transaction_isolation", "transaction_read_only", "transaction_deferrable"}
)  # fmt: skip


def check_cron(value: str) -> str:
    """Return *value*; raises ValueError when it is not a cron expression, or one for a day that does not exist."""
    if len(value.split()) != CRON_FIELDS or not croniter.is_valid(value):
        raise ValueError(
            "must be a cron expression of five fields such as '0 2 * * *' (minute hour day month weekday), or null"
        )
    try:
        croniter(value, datetime.now(UTC)).get_next()
    except CroniterBadDateError:
        raise ValueError("must be a cron expression for a day that exists") from None
    return value


def check_time_zone(value: str) -> str:
    """Return *value*; raises ValueError when the IANA database has no such time zone."""
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError("must be a time zone of the IANA database such as Europe/Berlin") from None
    return value


def check_key_template(value: str) -> str:
    """Return *value*; raises ValueError when files would collide, or a key would have unsafe characters."""
    try:
        check_template(value)
    except KeyTemplateError as error:
        raise ValueError(str(error).removeprefix(f"key template {value!r}").removeprefix(":").strip()) from None
    return value


def check_sql_settings(value: dict[str, str]) -> dict[str, str]:
    """Return *value*, sorted; raises ValueError for a malformed setting, or one that the run sets itself."""
    for name, setting in value.items():
        if not re.fullmatch(r"[a-z_]+(\.[a-z_]+)?", name) or not re.fullmatch(r"[\w.-]+", setting):
            raise ValueError(f"{name}: {setting!r} is not a plain Postgres setting such as work_mem: 256MB")
        if name in RUN_SETTINGS:
            raise ValueError(f"{name} is set by the run itself; remove it here")
    return dict(sorted(value.items()))


# What single scripts may set: how fast a script is, not what it computes or how safely it is kept.
SCRIPT_SETTINGS = frozenset(
    {
        "default_statistics_target",
        "effective_cache_size",
        "hash_mem_multiplier",
        "jit",
        "maintenance_work_mem",
        "max_parallel_maintenance_workers",
        "max_parallel_workers_per_gather",
        "min_parallel_index_scan_size",
        "min_parallel_table_scan_size",
        "parallel_leader_participation",
        "parallel_setup_cost",
        "parallel_tuple_cost",
        "random_page_cost",
        "temp_buffers",
        "work_mem",
    }
)


def check_script_settings(value: dict[str, str]) -> dict[str, str]:
    """Return *value*, sorted; raises ValueError for a setting that is not of :data:`SCRIPT_SETTINGS`."""
    for name in sorted(value):
        if name not in SCRIPT_SETTINGS:
            raise ValueError(f"{name} is not a setting for single scripts; known: {', '.join(sorted(SCRIPT_SETTINGS))}")
    return check_sql_settings(value)


Cron = Annotated[str, AfterValidator(check_cron)]
TimeZoneName = Annotated[str, AfterValidator(check_time_zone)]
KeyTemplate = Annotated[str, AfterValidator(check_key_template)]
SqlSettings = Annotated[dict[str, SettingText], AfterValidator(check_sql_settings)]
ScriptSettings = Annotated[dict[str, SettingText], AfterValidator(check_script_settings)]
