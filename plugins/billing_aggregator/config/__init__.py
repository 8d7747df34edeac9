"""Configuration: ``clients.yaml`` and ``BDA_*`` variables become frozen, validated models."""

from billing_aggregator.config.environment import read_environment
from billing_aggregator.config.environment_settings import EnvironmentSettings
from billing_aggregator.config.errors import ConfigError
from billing_aggregator.config.load import BrokenConfig, load_client, load_clients
from billing_aggregator.config.models import Alerts, ClientConfig

__all__ = [
    "Alerts",
    "BrokenConfig",
    "ClientConfig",
    "ConfigError",
    "EnvironmentSettings",
    "load_client",
    "load_clients",
    "read_environment",
]
