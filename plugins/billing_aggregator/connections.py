"""Where the secrets are: Airflow connections first, the ``BDA_*`` variables where there is no such connection.

Airflow looks a connection up in its secrets backend, its environment and its database, in this order. Laptops and
containers without any get the warehouse and S3 from ``BDA_DB_*`` and ``BDA_S3_*``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.airflow_connections import find_connection
from billing_aggregator.postgres import postgres_hook

if TYPE_CHECKING:
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    from billing_aggregator.config import ClientConfig

__all__ = ["find_connection", "postgres_hook", "s3_hook"]


def s3_hook(config: ClientConfig) -> S3Hook:
    """Return the hook of the client's bucket, see :func:`billing_aggregator.s3.client.client_hook`."""
    from billing_aggregator.s3.client import client_hook

    return client_hook(config)
