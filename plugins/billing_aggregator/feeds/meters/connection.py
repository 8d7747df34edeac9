"""Where the platform's API is: the Airflow connection ``cloudfoundry_<client>_<environment>``, else ``BDA_CF_*``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk import Connection

from billing_aggregator.config import ConfigError, read_environment
from billing_aggregator.config.airflow_connections import find_connection, malformed

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig
    from billing_aggregator.config.feeds import MetersFeed

HTTP_TYPES = ("http", "https")


class PlatformHook(HttpHook):
    """Airflow's HTTP hook on the platform's connection; login and password are the client's id and secret.

    They are for the token's server only: requests to the API carry the token.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(method="GET", http_conn_id=connection.conn_id)
        self.platform_connection = connection

    def get_connection(self, conn_id: str) -> Any:  # type: ignore[override]  # a class method there
        """Return the connection that was found, without its login: the hook would send it with each request."""
        found = self.platform_connection
        return Connection(
            conn_id=conn_id,
            conn_type="http",
            schema=found.schema,
            host=found.host,
            port=found.port,
            extra=found.extra,
        )

    @property
    def client(self) -> tuple[str, str]:
        """The client's id and secret."""
        return str(self.platform_connection.login or ""), str(self.platform_connection.password or "")


def platform_hook(config: ClientConfig, feed: MetersFeed) -> PlatformHook:
    """Return the hook of the client's platform.

    :raises ConfigError: neither the connection nor BDA_CF_URL is set, or there is no TLS outside of ``local``.
    :raises UnreadableConnectionError: the connection cannot be read, or has no host or login.
    """
    name = feed.conn_id or f"cloudfoundry_{config.client}_{config.environment}"
    found = find_connection(name, *HTTP_TYPES)
    if found is None:
        settings = read_environment(os.environ)
        if settings.cf_url is None:
            raise ConfigError(
                f"no platform for {config.client}/{config.environment}: create the Airflow connection {name} (type "
                "http; login and password are the client's id and secret) or set BDA_CF_URL, BDA_CF_CLIENT_ID and "
                "BDA_CF_CLIENT_SECRET"
            )
        secret = settings.cf_client_secret
        found = Connection(
            conn_id=name,
            conn_type="http",
            host=settings.cf_url.rstrip("/"),
            login=settings.cf_client_id or "",
            password=secret.get_secret_value() if secret else "",
        )
    elif not found.host:
        raise malformed(name, "it has no host")
    if not found.login:
        raise ConfigError(f"{name}: no client id; set the connection's login, or BDA_CF_CLIENT_ID")
    hook = PlatformHook(found)
    hook.get_conn()
    if config.environment != "local" and not hook.base_url.startswith("https://"):
        raise ConfigError(f"{name}: {config.environment} needs https: the client's secret is sent there")
    return hook
