"""Combines the clients file with the environment: params of a run > ``BDA_*`` > entry > environment > defaults."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from billing_aggregator.config.ambiguous import ambiguous_values, without
from billing_aggregator.config.clients_file import NO_ENVIRONMENT, ClientsFile
from billing_aggregator.config.environment import examine_environment
from billing_aggregator.config.environment_settings import EnvironmentSettings, variable_of
from billing_aggregator.config.errors import MISSING, ConfigError, describe
from billing_aggregator.config.feeds import DAG_PREFIX, ORDERS
from billing_aggregator.config.models import ClientConfig
from billing_aggregator.config.paths import IncludeNotFoundError, include_folder
from billing_aggregator.config.text_files import SourceFileError, is_folder, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from billing_aggregator.config.errors import Location

NEWLINE = "\n"
MAX_DAG_ID = 250


def dag_id_of(client: str, environment: str) -> str:
    """Return the id of a DAG, cut to the characters and the length that Airflow allows."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", f"billing_data_aggregator_{client}_{environment}")[:MAX_DAG_ID]


def is_dag_of(dag_id: str, client: str, environment: str) -> bool:
    """Return whether *dag_id* is the client's night or one of its feeds; see :func:`feed_dag_id`."""
    if dag_id.startswith(DAG_PREFIX):
        return dag_id.endswith(f"_{client}_{environment}")
    return dag_id == dag_id_of(client, environment)


@dataclass(frozen=True)
class BrokenConfig:
    """A wrong entry: its DAG shows the *error* in the UI, and no other client's DAG is affected."""

    client: str
    environment: str
    error: str

    @property
    def dag_id(self) -> str:
        """The id of the entry's DAG; see :func:`dag_id_of`."""
        return dag_id_of(self.client, self.environment)


@dataclass(frozen=True)
class Configuration:
    """Every client and environment, and the problems that concern all of them, one line each."""

    entries: tuple[ClientConfig | BrokenConfig, ...]
    problems: tuple[str, ...]
    dependencies: dict[str, tuple[str, ...]]


def read_configuration(
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    wanted: Callable[[str, str], bool] = lambda _client, _environment: True,
) -> Configuration:
    """Return the whole configuration; wrong parts are reported in the result, not raised.

    With BDA_CLIENT_ID set, only this client in BDA_ENVIRONMENT (else the detected one), in the file or not. With
    BDA_ENVIRONMENT alone, the file's entries of this environment.

    :param wanted: is asked with client and environment; what it does not want is not looked at.
    """
    settings, problems = examine_environment(os.environ if environ is None else environ)
    try:
        clients = ClientsFile(path or clients_path())
        problems += clients.problems
        names = _names(clients, settings)
    except ConfigError as error:
        # A wrong BDA_ENVIRONMENT is reported already: that no environment can be detected only follows from it.
        reported = any(problem.startswith("BDA_ENVIRONMENT = ") for problem in problems)
        more = [line for line in str(error).splitlines() if not (reported and line.startswith("BDA_ENVIRONMENT"))]
        return Configuration((), (*problems, *more), {})
    entries = [_entry(clients, settings, *name) for name in names if wanted(*name)]
    return Configuration(tuple(entries), tuple(problems), clients.dependencies)


def load_clients(
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    wanted: Callable[[str, str], bool] = lambda _client, _environment: True,
) -> list[ClientConfig | BrokenConfig]:
    """Return every client and environment, sorted, including disabled ones; see :func:`read_configuration`.

    :raises ConfigError: the file or a variable is wrong in a way that concerns all of them.
    """
    found = read_configuration(path, environ, wanted)
    if found.problems:
        raise ConfigError("\n".join(found.problems))
    return list(found.entries)


def load_client(
    client: str, environment: str, path: Path | None = None, environ: Mapping[str, str] | None = None
) -> ClientConfig:
    """Return the configuration of one client and environment; it need not be in the file.

    :raises ConfigError: with every problem found.
    """
    settings, problems = examine_environment(os.environ if environ is None else environ)
    clients = ClientsFile(path or clients_path())
    problems += clients.problems
    entry = _entry(clients, settings, client, environment)
    if isinstance(entry, BrokenConfig):
        problems += entry.error.splitlines()
    if problems or isinstance(entry, BrokenConfig):
        raise ConfigError("\n".join(problems))
    return entry


def _names(clients: ClientsFile, settings: EnvironmentSettings) -> list[tuple[str, str]]:
    if not clients.readable:
        return []
    if settings.client_id:
        return [(settings.client_id, settings.detected_environment())]
    names = [name for name in clients.names() if settings.environment in (None, NO_ENVIRONMENT, name[1])]
    if not names and settings.environment:
        raise ConfigError(
            f"BDA_ENVIRONMENT = {settings.environment!r}: {clients.path} has no client in this environment; add one "
            "there, or name one in BDA_CLIENT_ID"
        )
    return names


def clients_path() -> Path:
    """Return where ``clients.yaml`` is; raises :class:`ConfigError` with the places that were searched."""
    try:
        return include_folder() / "clients.yaml"
    except IncludeNotFoundError as error:
        raise ConfigError(str(error)) from None


def sql_root(config: ClientConfig) -> Path:
    """Return the folder of the SQL phases: BDA_SCRIPTS_DIR, else ``include/sql``; raises :class:`ConfigError`."""
    if config.scripts_dir is None:
        root = clients_path().parent / "sql"
        source = f"SQL folder {printable(root)}"
    else:
        source = f"BDA_SCRIPTS_DIR = {printable(config.scripts_dir)!r}"
        try:
            root = Path(os.path.expanduser(config.scripts_dir)).resolve()
        except (OSError, RuntimeError) as error:  # no home folder, or a link to itself
            raise ConfigError(f"{source}: {str(error).splitlines()[0]}; give the absolute path of a folder") from None
    try:
        found = is_folder(root / "init")
    except SourceFileError as error:
        raise ConfigError(f"{source}: {error}") from None
    if not found:
        raise ConfigError(
            f"{source}: {printable(root / 'init')} is not a folder; it must hold <system>/NNN_what_it_makes.sql"
        )
    return root


def _feed_overrides(values: dict[str, Any], settings: EnvironmentSettings) -> dict[str, Any]:
    """Put the topics of the environment into the feed ``orders`` of *values*, if it has one; return them."""
    feeds = values.get("feeds")
    topics = settings.feed_overrides()
    if not topics or not isinstance(feeds, dict) or not isinstance(feeds.get(ORDERS), dict):
        return {}
    values["feeds"] = feeds | {ORDERS: feeds[ORDERS] | topics}
    return topics


def _entry(
    clients: ClientsFile, settings: EnvironmentSettings, client: str, environment: str
) -> ClientConfig | BrokenConfig:
    config = None
    overrides = settings.overrides()
    values = clients.entry(client, environment) | overrides
    values |= {"client": client, "environment": environment, "dependencies": clients.dependencies}
    values["needed_from"] = clients.needed_from
    topics = _feed_overrides(values, settings)

    def place(location: Location) -> str:
        if location[:2] == ("feeds", ORDERS) and location[2:3] and location[2] in topics:
            return variable_of({"topic": "kafka_orders_topic", "events_topic": "kafka_events_topic"}[str(location[2])])
        if location and location[0] in overrides:
            return variable_of(str(location[0]))
        return clients.place(client, environment, location)

    if (client, environment) in clients.broken:
        return BrokenConfig(client, environment, clients.broken[client, environment])
    ambiguous = dict(ambiguous_values(values))
    problems = []
    for location, value in ambiguous.items():
        where = place(location).removeprefix(f"{clients.path}: ")
        problems.append(f"{clients.path}: line {value.line}: {where} = {value}: {value.advice}")
    problems += clients.contradictions(client, environment)
    try:
        config = ClientConfig.model_validate(without(values, ambiguous))
    except ValidationError as error:
        # Not reported as missing: ambiguous values, which were reported above, and what a broken layer would set.
        found = describe(error, ClientConfig, place, skipped=ambiguous)
        problems += [line for line in found if not (clients.problems and line.endswith(MISSING))]
    except Exception as error:  # an unexpected error must not take the other entries down
        problems.append(f"{place(())}: {type(error).__name__}: {str(error).partition(NEWLINE)[0]}")
    if problems or config is None:
        return BrokenConfig(client, environment, "\n".join(problems))
    return config
