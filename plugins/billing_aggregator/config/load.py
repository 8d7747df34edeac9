"""Combines the clients file with the environment: params of a run > ``BDA_*`` > entry > environment > defaults."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from billing_aggregator.config.clients_file import ClientsFile
from billing_aggregator.config.environment import EnvironmentSettings, read_environment, variable_of
from billing_aggregator.config.errors import ConfigError, describe
from billing_aggregator.config.models import ClientConfig
from billing_aggregator.paths import IncludeNotFoundError, include_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing_aggregator.config.errors import Location


@dataclass(frozen=True)
class BrokenConfig:
    """An entry that cannot be right: it shows its *error* as a DAG of its own and takes no other client down."""

    client: str
    environment: str
    error: str

    @property
    def dag_id(self) -> str:
        """The id that the entry's DAG would have, in the characters that Airflow allows."""
        return re.sub(r"[^A-Za-z0-9_.-]", "_", f"billing_data_aggregator_{self.client}_{self.environment}")


def load_clients(
    path: Path | None = None, environ: Mapping[str, str] | None = None
) -> list[ClientConfig | BrokenConfig]:
    """Return every client and environment, sorted, the disabled ones too.

    With BDA_CLIENT_ID set, only this client in BDA_ENVIRONMENT (else the detected one), in the file or not. With
    BDA_ENVIRONMENT alone, the file's entries of this environment.

    :raises ConfigError: the file or a variable is wrong in a way that concerns all of them.
    """
    settings = read_environment(os.environ if environ is None else environ)
    clients = ClientsFile(path or clients_path())
    if settings.client_id:
        names = [(settings.client_id, settings.detected_environment())]
    else:
        names = [name for name in clients.names() if settings.environment in (None, name[1])]
    if not names and settings.environment:
        raise ConfigError(
            f"BDA_ENVIRONMENT = {settings.environment!r}: {clients.path} has no client in this environment; add one "
            "there, or name one in BDA_CLIENT_ID"
        )
    return [_entry(clients, settings, client, environment) for client, environment in names]


def load_client(
    client: str, environment: str, path: Path | None = None, environ: Mapping[str, str] | None = None
) -> ClientConfig:
    """Return the configuration of one client and environment; it need not be in the file.

    :raises ConfigError: with every problem found.
    """
    settings = read_environment(os.environ if environ is None else environ)
    clients = ClientsFile(path or clients_path())
    entry = _entry(clients, settings, client, environment)
    if isinstance(entry, BrokenConfig):
        raise ConfigError(entry.error)
    return entry


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
        source = f"SQL folder {root}"
    else:
        root = Path(os.path.expanduser(config.scripts_dir)).resolve()
        source = f"BDA_SCRIPTS_DIR = {config.scripts_dir!r}"
    if not (root / "init").is_dir():
        raise ConfigError(f"{source}: {root / 'init'} is not a folder; it must hold <system>/NNN_what_it_makes.sql")
    return root


def _entry(
    clients: ClientsFile, settings: EnvironmentSettings, client: str, environment: str
) -> ClientConfig | BrokenConfig:
    overrides = settings.overrides()
    values = clients.entry(client, environment) | overrides
    values |= {"client": client, "environment": environment, "dependencies": clients.dependencies}

    def place(location: Location) -> str:
        if location and location[0] in overrides:
            return variable_of(str(location[0]))
        return clients.place(client, environment, location)

    problems = clients.contradictions(client, environment)
    try:
        config = ClientConfig.model_validate(values)
    except ValidationError as error:
        problems += describe(error, ClientConfig, place)
    if problems:
        return BrokenConfig(client, environment, "\n".join(problems))
    return config
