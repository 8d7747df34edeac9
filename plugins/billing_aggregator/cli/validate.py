"""``validate``: everything that can be known without a connection, for every client, all problems at once."""

from __future__ import annotations

import os
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from billing_aggregator.cli.results import DONE, WRONG
from billing_aggregator.config import BrokenConfig, ClientConfig, ConfigError
from billing_aggregator.config.airflow_connections import (
    MAIL_TYPES,
    SLACK_TYPES,
    UnreadableConnectionError,
    find_connection,
)
from billing_aggregator.config.environment import examine_environment
from billing_aggregator.config.load import read_configuration
from billing_aggregator.config.local_days import times_on_both_sides_of_midnight
from billing_aggregator.config.values import ENVIRONMENT_NAMES
from billing_aggregator.night import read_night
from billing_aggregator.night.text_problems import (
    export_problems,
    folder_problems,
    script_problems,
    script_settings_problems,
    severity_problems,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from billing_aggregator.night import Night


@dataclass(frozen=True)
class Validation:
    """What was found.

    :param problems: a line for each mistake that stops a run or breaks a DAG.
    :param warnings: a line for each thing that works and is probably not meant.
    :param counts: what was looked at -> how many of it.
    """

    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    counts: dict[str, int]

    @property
    def status(self) -> int:
        """0, or 2 with any problem."""
        return WRONG if self.problems else DONE

    def text(self) -> str:
        """Return one line for each problem and warning, and a last line with the verdict."""
        lines = [f"problem: {problem}" for problem in self.problems]
        lines += [f"warning: {warning}" for warning in self.warnings]
        looked_at = ", ".join(f"{number} {name}" for name, number in self.counts.items())
        verdict = f"{len(self.problems)} problems" if self.problems else "valid"
        return "\n".join([*lines, f"{verdict}: {looked_at}"])

    def data(self) -> dict[str, Any]:
        """Return the same for machines."""
        return {
            "ok": not self.problems,
            "problems": list(self.problems),
            "warnings": list(self.warnings),
            "counts": self.counts,
        }


def validate() -> Validation:
    """Look at the configuration, the scripts, the checks, the exports and the alerts of every client."""
    found = read_configuration()
    entries = found.entries
    problems = [*found.problems]
    problems += [line for entry in entries if isinstance(entry, BrokenConfig) for line in entry.error.splitlines()]
    configs = [entry for entry in entries if not isinstance(entry, BrokenConfig)]
    nights = list(_nights(configs, problems))
    looked_at = [*nights, *_nights(_bare(entries, found.dependencies), problems)]
    problems += [line for night in nights for line in severity_problems(night)]
    problems += [line for night in nights for line in script_settings_problems(night)]
    problems += [line for night in looked_at for line in export_problems(night)]
    problems += _collisions(nights)
    if not problems:
        problems += _dags(configs)
    counts = {
        "clients and environments": len(entries),
        "scripts and checks": len({script.path for night in looked_at for _, script in night.scripts()}),
        "exports": len({export.name for night in looked_at for export in night.exports}),
    }
    return Validation(tuple(dict.fromkeys(problems)), (*_days(configs), *_alerts(configs)), counts)


def _nights(configs: Iterable[ClientConfig], problems: list[str]) -> Iterator[Night]:
    """Yield each client's night; add what is wrong with its folders and scripts to *problems*."""
    for config in configs:
        try:
            night = read_night(config)
        except ConfigError as error:
            problems += str(error).splitlines()
            continue
        problems += [*folder_problems(night), *script_problems(night)]
        yield night


def _bare(
    entries: Sequence[ClientConfig | BrokenConfig], dependencies: dict[str, tuple[str, ...]]
) -> Iterator[ClientConfig]:
    """Yield a bare configuration for each broken entry, so that its scripts are checked all the same."""
    settings, _ = examine_environment(os.environ)
    for entry in entries:
        if isinstance(entry, BrokenConfig):
            values = {
                "client": entry.client,
                "environment": entry.environment if entry.environment in ENVIRONMENT_NAMES else "local",
                "s3_bucket": "not-known",
                "scripts_dir": settings.scripts_dir,
            }
            with suppress(ValueError):
                yield ClientConfig.model_validate(
                    values | {"dependencies": dependencies, "systems": tuple(dependencies)}
                )


def _collisions(nights: Sequence[Night]) -> Iterator[str]:
    """Yield a line for each key that two exports, or two clients with one bucket, would write."""
    owners: dict[tuple[str | None, str, str], list[str]] = defaultdict(list)
    for night in nights:
        config = night.config
        owners[config.s3_url, config.s3_bucket, config.manifest_key].append(f"the manifest of {_name(config)}")
        for export in night.exports:
            owners[config.s3_url, config.s3_bucket, export.first_key].append(f"{export.name} of {_name(config)}")
    for (_, bucket, key), names in sorted(owners.items(), key=lambda item: item[0][1:]):
        if len(names) > 1:
            yield (
                f"key_template: s3://{bucket}/{key} would be written by {' and '.join(names)}; "
                "put {client} and {environment} into the template"
            )


def _dags(configs: Sequence[ClientConfig]) -> Iterator[str]:
    from billing_aggregator.dag.build import build_or_explain

    for config in configs:
        dag = build_or_explain(config)
        if dag is not None and "broken" in dag.tags:
            yield from str(dag.doc_md).splitlines()


def _days(configs: Sequence[ClientConfig]) -> Iterator[str]:
    for config in configs:
        times = times_on_both_sides_of_midnight(config.schedule, config.timezone) if config.schedule else None
        if times is not None:
            yield (
                f"{_name(config)}: schedule {config.schedule!r} is {times[0]} or {times[1]} in {config.timezone}: when "
                "the clocks change, a business date is left out, or has two nights; choose an hour away from midnight"
            )


def _alerts(configs: Sequence[ClientConfig]) -> Iterator[str]:
    for config in configs:
        name = _name(config)
        if config.enabled and config.schedule and not config.alerts.email and not config.alerts.slack:
            yield f"{name}: runs on a schedule and tells nobody when it fails; set alerts.email or alerts.slack"
        for wanted, conn_id, types, what in (
            (bool(config.alerts.email), config.alerts.smtp_conn_id, MAIL_TYPES, "mail"),
            (config.alerts.slack, config.alerts.slack_conn_id, SLACK_TYPES, "Slack"),
        ):
            try:
                if wanted and find_connection(conn_id, *types) is None:
                    yield f"{name}: alerts by {what} need the Airflow connection {conn_id}, which is not here"
            except UnreadableConnectionError as error:
                yield f"{name}: alerts by {what}: {error}"


def _name(config: ClientConfig) -> str:
    return f"{config.client}/{config.environment}"
