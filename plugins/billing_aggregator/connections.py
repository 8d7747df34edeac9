"""Where the secrets are: Airflow connections first, the ``BDA_*`` variables where there is no such connection.

Airflow looks a connection up in its secrets backend, its environment and its database, in this order. Laptops and
containers without any get the warehouse and S3 from ``BDA_DB_*`` and ``BDA_S3_*``.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from billing_aggregator.airflow_connections import AWS_TYPES, find_connection
from billing_aggregator.config import read_environment
from billing_aggregator.postgres import postgres_hook

if TYPE_CHECKING:
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook
    from airflow.sdk import Connection

    from billing_aggregator.config import ClientConfig

__all__ = ["find_connection", "postgres_hook", "s3_hook"]


def s3_hook(config: ClientConfig, botocore_config: Any = None) -> S3Hook:
    """Return an S3 hook: the connection ``aws_conn_id``, else ``BDA_S3_*`` keys, else boto3's own credentials chain.

    The client's ``s3_url`` and ``s3_region`` hold in every case.
    """
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook
    from airflow.providers.amazon.aws.utils.connection_wrapper import AwsConnectionWrapper

    connection = _aws_connection(config)
    hook = S3Hook(aws_conn_id=None, region_name=config.s3_region, config=botocore_config)
    # The hook resolves its connection lazily, by this property; here it is resolved already.
    hook.__dict__["conn_config"] = AwsConnectionWrapper(
        conn=connection, region_name=config.s3_region, botocore_config=botocore_config
    )
    return hook


def _aws_connection(config: ClientConfig) -> Connection:
    from airflow.sdk import Connection
    from airflow.sdk.log import mask_secret

    connection = find_connection(config.aws_conn_id, *AWS_TYPES)
    if connection is None:
        settings = read_environment(os.environ)
        connection = Connection(conn_id=config.aws_conn_id, conn_type="aws")
        if settings.s3_access_key and settings.s3_secret_access_key:
            connection.login = settings.s3_access_key.get_secret_value()
            connection.password = settings.s3_secret_access_key.get_secret_value()
            mask_secret(connection.password)
    if config.s3_url:
        connection.extra = json.dumps(connection.extra_dejson | {"endpoint_url": config.s3_url})
    return connection
