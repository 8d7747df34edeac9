"""The one place that makes S3 clients: for health, runs, exports, alerts and the sweep.

What the AWS connection says holds everywhere (endpoint, region, role, profile, CA bundle, ``config_kwargs``); the
settings here are defaults underneath it. They go into the connection's own ``config_kwargs``, so the provider's hook
makes of them what it makes of any connection.
"""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.utils.connection_wrapper import AwsConnectionWrapper

from billing_aggregator.config import ConfigError
from billing_aggregator.s3.bucket import Bucket
from billing_aggregator.s3.connection import client_connection, named_connection
from billing_aggregator.s3.defaults import DEFAULTS, NO_CHECKSUMS, QUICK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Connection

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.config.store_options import StoreOptions


class ConnectionHook(S3Hook):
    """The provider's hook for a connection that has been found already.

    :param connection: an AWS connection; it need not be stored anywhere.
    """

    def __init__(self, connection: Connection, region_name: str | None = None) -> None:
        super().__init__(aws_conn_id=connection.conn_id, region_name=region_name)
        self._given = connection

    @cached_property
    def conn_config(self) -> AwsConnectionWrapper:
        """The provider's view of the connection."""
        return AwsConnectionWrapper(conn=self._given, region_name=self._region_name)


def client_hook(
    config: ClientConfig,
    *,
    environ: Mapping[str, str] | None = None,
    quick: bool = False,
    checksums: bool = True,
) -> S3Hook:
    """Return a hook for the client's bucket; ``s3_url`` and ``s3_region`` hold where the client's entry has them.

    :param environ: where the ``BDA_S3_*`` keys are looked for; None is this process's environment.
    :param quick: ask once and wait a few seconds only, whatever the connection says.
    :param checksums: False leaves ``x-amz-checksum-*`` out, also where ``export.checksums`` does not.
    """
    connection = client_connection(config, environ)
    region = config.s3_region if "s3_region" in config.model_fields_set else None
    region = region or connection.extra_dejson.get("region_name") or config.s3_region
    return _hook(connection, region, checksums=checksums and config.export.checksums, over=QUICK if quick else {})


def client_bucket(config: ClientConfig, **wanted: Any) -> Bucket:
    """Return the client's bucket with the options of its exports; for *wanted* see :func:`client_hook`."""
    return Bucket(client_hook(config, **wanted).get_conn(), config.s3_bucket, config.export)


def named_hook(conn_id: str | None, options: StoreOptions | None = None) -> S3Hook:
    """Return a hook for an Airflow connection by its id; where there is none, boto3's own chain of credentials."""
    return _hook(named_connection(conn_id), None, checksums=options is None or options.checksums)


def _hook(
    connection: Connection, region: str | None, *, checksums: bool, over: Mapping[str, Any] | None = None
) -> S3Hook:
    extra = connection.extra_dejson
    given = extra.get("config_kwargs") or {}
    if not isinstance(given, dict):
        raise ConfigError(
            f"connection {connection.conn_id}: extra config_kwargs must be a mapping of botocore's settings, "
            'such as {"s3": {"addressing_style": "path"}}'
        )
    settings = merged(DEFAULTS, given)
    if not checksums:
        settings = merged(settings, NO_CHECKSUMS)
    connection.extra = json.dumps(extra | {"config_kwargs": merged(settings, over or {})})
    return ConnectionHook(connection, region)


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return both settings, those of *over* where both say something; mappings in them (``s3``, ``retries``) too.

    They share nothing with what was given: botocore changes mappings in place.
    """
    both = deepcopy(dict(under) | dict(over))
    for name in under.keys() & over.keys():
        if isinstance(under[name], dict) and isinstance(over[name], dict):
            both[name] = merged(under[name], over[name])
    return both
