"""The arguments of a command: a client, an environment, params of a run."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

from billing_aggregator.config import ConfigError, load_client, read_environment
from billing_aggregator.runs.params import RunParamError, RunParams, default_params, resolve_params

if TYPE_CHECKING:
    import argparse

    from billing_aggregator.config import ClientConfig

DEFAULT_CLIENT = "enercity"


@dataclass(frozen=True)
class Choice:
    """Which client and environment, and with which params.

    :param client: None: BDA_CLIENT_ID, else ``enercity``.
    :param environment: None: BDA_ENVIRONMENT, else the detected one.
    :param conf: params of the run that differ from the configuration.
    """

    client: str | None = None
    environment: str | None = None
    conf: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, options: argparse.Namespace) -> Self:
        """Return the choice that the command line makes."""
        conf: dict[str, Any] = {}
        for name in ("systems", "ignore_systems"):
            text = getattr(options, name, None)
            if text is not None:
                conf[name] = [part.strip() for part in text.split(",") if part.strip()]
        for name in ("business_date", "max_rows_per_file"):
            if getattr(options, name, None) is not None:
                conf[name] = getattr(options, name)
        if getattr(options, "dry_run", False):
            conf["dry_run"] = True
        return cls(options.client, options.environment, conf)

    def config(self) -> ClientConfig:
        """Return the configuration of the chosen client; raises ConfigError."""
        return chosen_config(self.client, self.environment)

    def params(self, config: ClientConfig) -> RunParams:
        """Return the resolved params of such a run; raises ConfigError when it would be refused."""
        return checked_params(config, self.conf)


def chosen_config(client: str | None, environment: str | None) -> ClientConfig:
    """Return the configuration of *client* in *environment*; None takes them from the ``BDA_*`` variables.

    :raises ConfigError: it is wrong, or disabled.
    """
    settings = read_environment(os.environ)
    config = load_client(client or settings.client_id or DEFAULT_CLIENT, environment or settings.detected_environment())
    if not config.enabled:
        raise ConfigError(f"{config.client}/{config.environment} is not enabled in clients.yaml; set enabled: true")
    return config


def checked_params(config: ClientConfig, conf: dict[str, Any]) -> RunParams:
    """Return the params of a run now with *conf*; raises ConfigError where the run's first task would refuse them."""
    now = datetime.now(UTC)
    dag_run = SimpleNamespace(conf=conf, logical_date=now, run_after=now)
    params = default_params(config)
    try:
        return resolve_params(config, {"params": params | conf, "dag_run": dag_run})
    except RunParamError as error:
        raise ConfigError(str(error)) from None
