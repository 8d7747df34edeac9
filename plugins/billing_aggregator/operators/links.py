"""A link from an export's task to its files in the AWS console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk.types import RuntimeTaskInstanceProtocol


class S3PrefixLink(BaseOperatorLink):
    """Opens the S3 prefix that a task's run publishes to."""

    name = "S3 prefix"

    def get_link(self, operator: Any, *, ti_key: RuntimeTaskInstanceProtocol) -> str:  # type: ignore[override]  # as in Airflow's own links
        """Return the console's page of the prefix; a folder's own address for ``file://`` targets."""
        return prefix_url(*operator.published_prefix())


def prefix_url(target: str, prefix: str) -> str:
    """Return where a person can look at *prefix* of *target*: ``s3://bucket`` or ``file:///folder``."""
    if not target.startswith("s3://"):
        return f"{target.rstrip('/')}/{prefix}" if target else ""
    from airflow.providers.amazon.aws.links.base_aws import (  # noqa: PLC0415 - slow: the provider
        BASE_AWS_CONSOLE_LINK,
        BaseAwsLink,
    )

    console = BASE_AWS_CONSOLE_LINK.format(aws_domain=BaseAwsLink.get_aws_domain("aws"))
    return f"{console}/s3/buckets/{urlsplit(target).netloc}?prefix={quote(prefix)}"
