"""Which AWS connection is used: Airflow's, else the ``BDA_S3_*`` keys, else boto3's own chain of credentials."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from billing_aggregator.config import read_environment
from billing_aggregator.config.airflow_connections import AWS_TYPES, find_connection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Connection

    from billing_aggregator.config import ClientConfig


def client_connection(config: ClientConfig, environ: Mapping[str, str] | None = None) -> Connection:
    """Return the connection of the client's bucket; it has the client's ``s3_url`` as endpoint where there is one.

    :param environ: where the ``BDA_S3_*`` keys are looked for; None is this process's environment.
    """
    settings = read_environment(os.environ if environ is None else environ)
    keys = settings.s3_access_key, settings.s3_secret_access_key
    connection = find_connection(config.aws_conn_id, *AWS_TYPES)
    if connection is None:
        connection = _empty(config.aws_conn_id)
        if keys[0] and keys[1]:
            from airflow.sdk.log import mask_secret

            connection.login, connection.password = (key.get_secret_value() for key in keys if key)
            mask_secret(connection.password)
    if config.s3_url:
        with_endpoint(connection, config.s3_url)
    return connection


def named_connection(conn_id: str | None) -> Connection:
    """Return an Airflow connection by its id; an empty one (boto3's own chain) for None and where there is none."""
    found = find_connection(conn_id, *AWS_TYPES) if conn_id else None
    return found or _empty(conn_id or "aws_default")


def with_endpoint(connection: Connection, url: str) -> None:
    """Let S3 be asked at *url*, also where the connection names another endpoint for S3 alone."""
    extra: dict[str, Any] = connection.extra_dejson
    services = dict(extra.get("service_config") or {})
    services["s3"] = dict(services.get("s3") or {}) | {"endpoint_url": url}
    connection.extra = json.dumps(extra | {"service_config": services})


def _empty(conn_id: str) -> Connection:
    from airflow.sdk import Connection

    return Connection(conn_id=conn_id, conn_type="aws")
