"""Opens the store of a target, or of a configured client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from billing_aggregator.export.store.local_store import LocalStore
from billing_aggregator.export.store.s3_store import S3Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.export.store.protocol import Store


def open_store(target: str, s3_client: Callable[[], Any], *, fsync: bool = False) -> Store:
    """Return the store of *target*, ``s3://bucket`` or ``file:///folder``.

    :param s3_client: called for S3 targets only; returns a boto3 client.
    :param fsync: local folders: write files and folder entries through to the disk before they are renamed.
    """
    parts = urlsplit(target)
    if parts.scheme == "s3":
        return S3Store(s3_client(), parts.netloc)
    return LocalStore(unquote(parts.path), fsync=fsync)


def client_store(config: ClientConfig, **wanted: Any) -> S3Store:
    """Return the client's bucket, asked as the options of its exports say.

    :param wanted: see :func:`billing_aggregator.s3.client.client_hook`.
    """
    from billing_aggregator.s3.client import client_hook  # the provider's hook takes a second to import

    return S3Store(client_hook(config, **wanted).get_conn(), config.s3_bucket, config.export)
