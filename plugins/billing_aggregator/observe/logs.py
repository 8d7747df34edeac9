"""Structured logs: every line of a task carries its client, environment, run, business date, phase and script.

Lines are events with keys (``script done rows=7 seconds=0.2``). Airflow writes them as JSON in its task logs, and on
the console too with ``[logging] json_logs``.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE = "billing_aggregator"
log = structlog.get_logger(__name__)


def bind(level: str, **keys: Any) -> None:
    """Add *keys* to every further log line of this task, and set the level of the package's loggers."""
    # `airflow dags test` runs all tasks in one process: keys of an earlier task must not stay.
    structlog.contextvars.unbind_contextvars(*keys)
    structlog.contextvars.bind_contextvars(**{name: value for name, value in keys.items() if value is not None})
    set_level(level)


def set_level(level: str) -> None:
    """Set the level of the package's own loggers (BDA_LOG_LEVEL); other packages keep Airflow's level.

    Airflow filters structlog loggers by its own table, which ``[logging] namespace_levels`` fills when a process
    starts. A task knows its client's level only later, so the entry is added here.
    """
    number = logging.getLevelNamesMapping()[level]
    logging.getLogger(PACKAGE).setLevel(number)
    try:
        from airflow.sdk._shared.logging.structlog import PER_LOGGER_LEVELS
    except ImportError:
        return
    PER_LOGGER_LEVELS[PACKAGE] = number


def phase_and_script(task_id: str) -> tuple[str, str]:
    """Return (phase, script) of a task id: ``init.bookkeeper.120_chains`` gives ``init`` and ``bookkeeper/120_chains``.

    A task outside a phase's group is its own phase and has no script.
    """
    phase, _, rest = task_id.partition(".")
    return phase, rest.replace(".", "/")


def notice_handler(script: str) -> Callable[[Any], None]:
    """Return a handler for psycopg 3 that logs the notices of a script (RAISE) and of the server."""

    def handle(diagnostic: Any) -> None:
        log_notice(script, diagnostic.severity_nonlocalized or "NOTICE", diagnostic.message_primary or "")

    return handle


def log_notice(script: str, severity: str, message: str) -> None:
    """Log one message of the server: a WARNING as a warning, DEBUG as debug, everything else as info."""
    level = {"WARNING": logging.WARNING}.get(severity, logging.DEBUG if severity.startswith("DEBUG") else logging.INFO)
    log.log(level, "server notice", script=script, severity=severity, message=message)


def log_kept_notices(script: str, connection: object) -> None:
    """Log and clear the notices that psycopg2 keeps (the last 50 of a connection); psycopg 3 keeps none."""
    notices = getattr(connection, "notices", None)
    for line in notices or ():
        severity, _, message = line.strip().partition(":")
        log_notice(script, severity.strip(), message.strip().partition("\n")[0])
    if notices:
        del notices[:]
