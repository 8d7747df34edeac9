"""A run in the warehouse: which run built a table, and what a run may read of another one."""

from billing_aggregator.runs.stamps import ForeignTableError, Stamp
from billing_aggregator.runs.table_guard import TableGuard

__all__ = ["ForeignTableError", "Stamp", "TableGuard"]
