"""botocore's settings for exports, where the connection does not say otherwise."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

#: Parts carry a CRC-32 that S3 checks, so they are not hashed a second time for the signature. Retries of 503, 429 and
#: broken connections are botocore's, in its standard mode.
DEFAULTS: dict[str, Any] = {
    "retries": {"mode": "standard", "max_attempts": 8},
    "max_pool_connections": 32,
    "connect_timeout": 10,
    "read_timeout": 120,
    "s3": {"payload_signing_enabled": False},
}
#: For alerts, which must be sent whatever S3 does.
QUICK: dict[str, Any] = {"connect_timeout": 15, "read_timeout": 15, "retries": {"total_max_attempts": 1}}
#: boto3 adds CRC-32 to every request by itself unless it is told not to.
NO_CHECKSUMS = {
    "request_checksum_calculation": "when_required",
    "response_checksum_validation": "when_required",
}


def client_config() -> Any:
    """Return the defaults as botocore's object, for a client of one's own."""
    from botocore.config import Config

    # A copy: botocore changes the retries that it is given in place.
    return Config(**deepcopy(DEFAULTS))
