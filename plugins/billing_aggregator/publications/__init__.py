"""Publications for people: found by run, day, version or folder; shown, verified, downloaded, compared, loaded."""

from billing_aggregator.publications.errors import PublicationError
from billing_aggregator.publications.found import FoundPublication
from billing_aggregator.publications.reference import find_publication

__all__ = ["FoundPublication", "PublicationError", "find_publication"]
