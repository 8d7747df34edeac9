"""A run in the warehouse: its identity, params, lock, records and summary, and what it may read of another run."""

from billing_aggregator.runs.identity import Run
from billing_aggregator.runs.lock import LockHeldError
from billing_aggregator.runs.params import RunParamError, RunParams
from billing_aggregator.runs.stamps import ForeignTableError, Stamp
from billing_aggregator.runs.summary import RunSummary
from billing_aggregator.runs.table_guard import TableGuard

__all__ = [
    "ForeignTableError",
    "LockHeldError",
    "Run",
    "RunParamError",
    "RunParams",
    "RunSummary",
    "Stamp",
    "TableGuard",
]
