"""SQL that creates a table for an export and loads its files, for five engines."""

from billing_aggregator.publications.ddl.engines import ENGINES, Target, ddl

__all__ = ["ENGINES", "Target", "ddl"]
