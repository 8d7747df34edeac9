"""Combines the clients file with the environment: params of a run > ``BDA_*`` > entry > environment > defaults."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from billing_aggregator.config.clients_file import ClientsFile
from billing_aggregator.config.environment import EnvironmentSettings, read_environment
from billing_aggregator.config.errors import ConfigError, describe
from billing_aggregator.config.models import ClientConfig
from billing_aggregator.paths import include_folder

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class BrokenConfig:
    """An entry that cannot be right: it shows its *error* as a DAG of its own and takes no other client down."""

    client: str
    environment: str
    error: str

    @property
    def dag_id(self) -> str:
        """The id that the entry's DAG would have."""
        return f"billing_data_aggregator_{self.client}_{self.environment}"


def load_clients(
    path: Path | None = None, environ: Mapping[str, str] | None = None
) -> list[ClientConfig | BrokenConfig]:
    """Return every client and environment, sorted, the disabled ones too.

    With BDA_CLIENT_ID set, only this client in BDA_ENVIRONMENT (else the detected one), in the file or not. With
    BDA_ENVIRONMENT alone, this environment's clients: a deployment of stage must not run what belongs to prod.

    :raises ConfigError: the file or a variable is wrong in a way that concerns all of them.
    """
    settings = read_environment(os.environ if environ is None else environ)
    clients = ClientsFile(path or include_folder() / "clients.yaml")
    own = settings.client_id
    names = [name for name in clients.names() if settings.environment in (None, name[1])]
    if own:
        names = [(own, settings.detected_environment())]
    return [_entry(clients, settings, client, environment) for client, environment in names]


def load_client(
    client: str, environment: str, path: Path | None = None, environ: Mapping[str, str] | None = None
) -> ClientConfig:
    """Return the configuration of one client and environment; it need not be in the file.

    :raises ConfigError: with every problem found.
    """
    settings = read_environment(os.environ if environ is None else environ)
    clients = ClientsFile(path or include_folder() / "clients.yaml")
    entry = _entry(clients, settings, client, environment)
    if isinstance(entry, BrokenConfig):
        raise ConfigError(entry.error)
    return entry


def sql_root(config: ClientConfig) -> Path:
    """Return the folder of the SQL phases: BDA_SCRIPTS_DIR, else ``include/sql``; raises :class:`ConfigError`."""
    if config.scripts_dir is None:
        root = include_folder() / "sql"
        _require_folder(root / "init", str(include_folder()))
        return root
    root = Path(config.scripts_dir).expanduser().resolve()
    _require_folder(root / "init", f"BDA_SCRIPTS_DIR = {config.scripts_dir!r}")
    return root


def _require_folder(folder: Path, source: str) -> None:
    if not folder.is_dir():
        raise ConfigError(f"{source}: {folder} is not a folder; it must hold init/<system>/ with the SQL scripts")


def _entry(
    clients: ClientsFile, settings: EnvironmentSettings, client: str, environment: str
) -> ClientConfig | BrokenConfig:
    values = clients.entry(client, environment) | settings.overrides()
    values |= {"client": client, "environment": environment, "dependencies": clients.dependencies}
    source = clients.place(client, environment)
    if settings.overrides():
        source += " with the BDA_* variables"
    try:
        return ClientConfig.model_validate(values)
    except ValidationError as error:
        known = set(ClientConfig.model_fields) - {"client", "environment", "dependencies"}
        return BrokenConfig(client, environment, describe(error, source, known))
