"""What differs between two publications, or between a publication and plain CSV files: exact, in bounded memory."""

from billing_aggregator.publications.compare.compare import compare
from billing_aggregator.publications.compare.result import Comparison, ExportComparison
from billing_aggregator.publications.compare.wanted import Wanted

__all__ = ["Comparison", "ExportComparison", "Wanted", "compare"]
