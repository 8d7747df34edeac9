"""What a subclass of the export operators needs for a client of its own, see ``get_s3_client``."""

from __future__ import annotations

from billing_aggregator.s3.answers import crc32_base64
from billing_aggregator.s3.defaults import client_config

__all__ = ["client_config", "crc32_base64"]
