"""Health of the bucket: what a run needs of its store, tested below the client's prefix and removed afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.cli.results import Finding, failed, ok
from billing_aggregator.runs.preflight import UnreachableError, bucket_capabilities

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing_aggregator.config import ClientConfig


def store_findings(config: ClientConfig) -> Iterator[Finding]:
    """Yield the findings in the client's bucket."""
    findings = [ok("bucket", f"{config.s3_bucket} at {config.s3_url or 'AWS ' + config.s3_region}")]
    try:
        for found in bucket_capabilities(config):
            findings.append(failed(found.subject, found.lacks) if found.lacks else ok(found.subject, found.detail))
    except UnreachableError as error:
        findings[0] = failed("bucket", str(error))
    yield from findings
