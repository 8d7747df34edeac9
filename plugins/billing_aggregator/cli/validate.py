"""``validate``: everything that can be known without a connection, for every client, all problems at once."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from billing_aggregator.checks import CheckError, parse_check
from billing_aggregator.cli import catalogue
from billing_aggregator.cli.results import DONE, WRONG
from billing_aggregator.config import BrokenConfig, ClientConfig, ConfigError, load_clients, read_environment
from billing_aggregator.config.clients_file import ClientsFile
from billing_aggregator.config.errors import suggestion
from billing_aggregator.config.load import clients_path, sql_root
from billing_aggregator.scripts import ScriptError, find_queries, system_of_query

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing_aggregator.scripts import Script

TRANSACTION = re.compile(
    r"(?:^|;)\s*(begin|start transaction|commit|rollback|end|vacuum|create\s+(?:unique\s+)?index\s+concurrently"
    r"|create\s+database|reindex\s+\w+\s+concurrently)\b",
    re.IGNORECASE,
)
QUERY = re.compile(r"\s*(select|with|table|values)\b", re.IGNORECASE)
EXPORT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*/[a-z0-9][a-z0-9_]*")


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
    try:
        read_environment(os.environ)
        entries = load_clients()
    except ConfigError as error:
        return Validation(tuple(str(error).splitlines()), (), {"clients and environments": 0})
    problems = [line for entry in entries if isinstance(entry, BrokenConfig) for line in entry.error.splitlines()]
    configs = [entry for entry in entries if not isinstance(entry, BrokenConfig)]
    files: set[object] = set()
    looked_at = [*configs, *_bare(entries)]
    for config in looked_at:
        problems += _folders(config)
        problems += _scripts(config, files)
    for config in configs:
        problems += _severities(config)
    problems += _exports(looked_at)
    problems += _collisions(configs)
    if not problems:
        problems += _dags(configs)
    counts = {
        "clients and environments": len(entries),
        "scripts and checks": len(files),
        "exports": len({export.name for config in looked_at for export in _quiet_exports(config)}),
    }
    return Validation(tuple(dict.fromkeys(problems)), tuple(_alerts(configs)), counts)


def _folders(config: ClientConfig) -> list[str]:
    try:
        root = sql_root(config)
    except ConfigError as error:
        return [str(error)]
    return catalogue.folder_problems(root, tuple(config.dependencies or config.systems))


def _bare(entries: Sequence[ClientConfig | BrokenConfig]) -> Iterator[ClientConfig]:
    """Yield a bare configuration for each broken entry, so that its scripts are looked at all the same."""
    dependencies = ClientsFile(clients_path()).dependencies
    for entry in entries:
        if isinstance(entry, BrokenConfig):
            values = {"client": entry.client, "environment": entry.environment, "s3_bucket": "not-known"}
            with suppress(ValueError):
                yield ClientConfig.model_validate(
                    values | {"dependencies": dependencies, "systems": tuple(dependencies)}
                )


def script_problems(config: ClientConfig) -> list[str]:
    """Return what is wrong with the client's SQL folders, scripts and checks."""
    return [*_folders(config), *_scripts(config, set())]


def _scripts(config: ClientConfig, files: set[object]) -> Iterator[str]:
    for phase in catalogue.PHASES:
        for system in catalogue.systems_in_order(config):
            try:
                scripts = catalogue.phase_scripts(config, phase, system)
            except ConfigError:
                return
            except ScriptError as error:
                yield from str(error).splitlines()
                continue
            if phase == "init" and not scripts:
                yield (
                    f"{sql_root(config) / phase / system}: system {system} has no scripts here; add NNN_name.sql files "
                    f"or remove {system} from the systems of {config.client}/{config.environment}"
                )
            for script in scripts:
                files.add(script.path)
                yield from _script(phase, script)


def _script(phase: str, script: Script) -> Iterator[str]:
    try:
        text = script.read()
        if phase in catalogue.CHECK_PHASES:
            parse_check(text, script.path)
    except (ScriptError, CheckError) as error:
        yield str(error)
        return
    code = catalogue.code_of(text)
    if not code.strip():
        yield f"{script.path}: holds no statement; add one, or start its name with NOEXEC_"
    found = TRANSACTION.search(code)
    if found:
        yield (
            f"{script.path}: {' '.join(found[1].split())} cannot stand in a script, which is one transaction; remove it"
        )


def _severities(config: ClientConfig) -> Iterator[str]:
    try:
        known = [
            script.relative.removesuffix(".sql")
            for phase in catalogue.CHECK_PHASES
            for system in catalogue.systems_in_order(config)
            for script in catalogue.phase_scripts(config, phase, system)
        ]
    except (ConfigError, ScriptError):
        return
    for name in config.check_severity:
        if name not in known:
            near = suggestion(name, known).split("; known")[0]
            yield f"{config.client}/{config.environment}: check_severity: there is no check {name}{near}"


def _exports(configs: Sequence[ClientConfig]) -> Iterator[str]:
    roots = {root for config in configs if (root := _root(config)) is not None}
    known = sorted({system for config in configs for system in (*config.systems, *config.dependencies)})
    for root in sorted(roots):
        for name, path in find_queries(root).items():
            if not EXPORT_NAME.fullmatch(name):
                yield f"{path}: an export is <audience>/<query>.sql, in lower-case letters, digits and underscores"
            system = system_of_query(path)
            if system is not None and system not in known:
                yield f"{path}: '-- system: {system}' is no system{suggestion(system, known)}"
            code = catalogue.code_of(path.read_text(encoding="utf-8", errors="replace"))
            if not QUERY.match(code) or ";" in code.strip().rstrip(";"):
                yield f"{path}: an export is one query: SELECT ..., without further statements"


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
    from billing_aggregator.pipeline import build_or_explain

    for config in configs:
        dag = build_or_explain(config)
        if dag is not None and "broken" in dag.tags:
            yield str(dag.doc_md)


def _alerts(configs: Sequence[ClientConfig]) -> Iterator[str]:
    from billing_aggregator.connections import find_connection

    for config in configs:
        name = f"{config.client}/{config.environment}"
        if config.enabled and config.schedule and not config.alerts.email and not config.alerts.slack:
            yield f"{name}: runs on a schedule and tells nobody when it fails; set alerts.email or alerts.slack"
        for wanted, conn_id, what in (
            (bool(config.alerts.email), config.alerts.smtp_conn_id, "mail"),
            (config.alerts.slack, config.alerts.slack_conn_id, "Slack"),
        ):
            if wanted and find_connection(conn_id) is None:
                yield f"{name}: alerts by {what} need the Airflow connection {conn_id}, which is not here"


def _quiet_exports(config: ClientConfig) -> list[catalogue.Export]:
    try:
        return catalogue.exports(config)
    except ConfigError:
        return []


def _root(config: ClientConfig) -> Any:
    try:
        return sql_root(config)
    except ConfigError:
        return None
