"""``validate``: everything that can be known without a connection, for every client, all problems at once."""

from __future__ import annotations

import os
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from billing_aggregator.cli import contents
from billing_aggregator.cli.results import DONE, WRONG
from billing_aggregator.cli.sql_problems import export_problems, folder_problems, phase_problems, severity_problems
from billing_aggregator.config import BrokenConfig, ClientConfig, ConfigError
from billing_aggregator.config.airflow_connections import (
    MAIL_TYPES,
    SLACK_TYPES,
    UnreadableConnectionError,
    find_connection,
)
from billing_aggregator.config.environment import examine_environment
from billing_aggregator.config.load import read_configuration
from billing_aggregator.config.values import ENVIRONMENT_NAMES
from billing_aggregator.sql.scripts import SourceFileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True)
class Validation:
    """What was found: *problems* stop something, *warnings* do not; *counts* says how much was looked at."""

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
    files: set[object] = set()
    looked_at = [*configs, *_bare(entries, found.dependencies)]
    for config in looked_at:
        problems += folder_problems(config)
        problems += phase_problems(config, files)
    for config in configs:
        problems += severity_problems(config)
    problems += export_problems(looked_at)
    problems += _collisions(configs)
    if not problems:
        problems += _dags(configs)
    counts = {
        "clients and environments": len(entries),
        "scripts and checks": len(files),
        "exports": len({export.name for config in looked_at for export in _quiet_exports(config)}),
    }
    return Validation(tuple(dict.fromkeys(problems)), tuple(_alerts(configs)), counts)


def _bare(
    entries: Sequence[ClientConfig | BrokenConfig], dependencies: dict[str, tuple[str, ...]]
) -> Iterator[ClientConfig]:
    """Yield a bare configuration for each broken entry, so that its scripts are looked at all the same."""
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


def _collisions(configs: Sequence[ClientConfig]) -> Iterator[str]:
    """Find files of two exports, or of two clients in one bucket, that would have the same key."""
    owners: dict[tuple[str | None, str, str], list[str]] = defaultdict(list)
    for config in configs:
        place = (config.s3_url, config.s3_bucket)
        owner = f"{config.client}/{config.environment}"
        owners[*place, config.manifest_key].append(f"the manifest of {owner}")
        for export in _quiet_exports(config):
            owners[*place, export.key].append(f"{export.name} of {owner}")
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


def _alerts(configs: Sequence[ClientConfig]) -> Iterator[str]:
    for config in configs:
        name = f"{config.client}/{config.environment}"
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


def _quiet_exports(config: ClientConfig) -> list[contents.Export]:
    try:
        return contents.exports(config)
    except (ConfigError, SourceFileError):
        return []
