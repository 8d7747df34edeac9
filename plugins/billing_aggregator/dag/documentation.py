"""What Airflow's UI shows as the documentation of a DAG: for its operators, in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing_aggregator.runs.airflow_names import PUBLISH_TASK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow.sdk import Param

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.night import Night

PURPOSE = """Checks the vaults, rebuilds the list in the warehouse, proves that it adds up, and publishes it to S3. A
violated check stops the run before anything is released or published."""

FAILURE = """1. The alert, or the log of the failed task, names the script or check and the first line of the error.
2. Until `{publish}` has succeeded, nothing in S3 has changed: readers have the files of the last published run.
3. Fix the cause, then *Clear* the failed task with *Downstream*, or trigger a new run: same data, same files. What a
   failed run has exported can be continued for a day.

{runbook}: what each alert means and what to do. `docs/checks.md`: each check. `docs/errors.md`: which errors are
retried. `docs/stamps.md`: *was built by run ...*."""


def documentation(night: Night, params: Mapping[str, Param]) -> str:
    """Return the documentation of the DAG of *night*.

    :param params: the DAG's params.
    """
    config = night.config
    sections = [
        f"## Billing data of {config.client} / {config.environment}",
        PURPOSE,
        _table(("", ""), _facts(night)),
        "### Where its files go",
        f"Into the bucket `{config.s3_bucket}`, at most {config.max_rows_per_file:,} rows in each file. "
        f"`{config.manifest_key}` is written last and names the files of the published run.",
        _table(("export", "first file", "from"), _files(night)),
        "### A run by hand",
        "*Trigger* asks for these params. A second run of this client is refused while one is running.",
        "\n".join(_params(params)),
        "### When it fails",
        FAILURE.format(publish=PUBLISH_TASK, runbook=_runbook(config)),
    ]
    return "\n\n".join(sections) + "\n"


def _facts(night: Night) -> Iterator[tuple[str, str]]:
    config = night.config
    schedule = f"by the schedule `{config.schedule}`, in UTC" if config.schedule else "only when somebody triggers it"
    yield "runs", schedule
    yield "business date", f"the day of the run in {config.timezone}, or the param `business_date`"
    yield "systems", f"{', then '.join(config.active_systems)}"
    if left_out := [system for system in night.systems if system not in config.active_systems]:
        yield "left out", f"{', '.join(left_out)}, unless the param `systems` asks for it"
    if config.dry_run:
        yield "dry run", "nothing is published, unless the param `dry_run` says otherwise"
    yield "deadline", _deadline(config)
    yield "warehouse", f"connection `{config.database_conn_id}`"
    yield "alerts", _alerts(config)


def _deadline(config: ClientConfig) -> str:
    stopped = f"a run is stopped after {config.run_timeout_minutes} minutes"
    if config.deadline_minutes is None:
        return f"none; {stopped}"
    return f"published {config.deadline_minutes} minutes after the scheduled start, else an alert is sent; {stopped}"


def _alerts(config: ClientConfig) -> str:
    alerts = config.alerts
    told = [f"mail to {', '.join(alerts.email)}"] if alerts.email else []
    if alerts.slack:
        told.append(f"Slack by the connection `{alerts.slack_conn_id}`")
    return " and ".join(told) or "**nobody**: set `alerts` in `include/clients.yaml`"


def _files(night: Night) -> Iterator[tuple[str, ...]]:
    for export in night.exports:
        if export.system in (None, *night.systems):
            yield f"`{export.name}`", f"`{export.first_key}`", f"`{export.source}`"


def _params(params: Mapping[str, Param]) -> Iterator[str]:
    for name, param in params.items():
        schema: dict[str, Any] = param.schema
        yield f"- `{name}`: {schema['description_md']}"


def _runbook(config: ClientConfig) -> str:
    url = config.alerts.runbook_url
    return f"[The runbook]({url})" if url else "`docs/runbook.md`"


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
