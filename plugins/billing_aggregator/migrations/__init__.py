"""Durable tables of a warehouse: files that are each applied once, in order, and recorded with their checksum."""

from billing_aggregator.migrations.apply import (
    Applied,
    MigrationFailedError,
    MigrationRefusedError,
    apply_migrations,
    pending_migrations,
)
from billing_aggregator.migrations.files import Migration, find_migrations, schema_problems

__all__ = [
    "Applied",
    "Migration",
    "MigrationFailedError",
    "MigrationRefusedError",
    "apply_migrations",
    "find_migrations",
    "pending_migrations",
    "schema_problems",
]
