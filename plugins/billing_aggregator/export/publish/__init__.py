"""How all files of a run become visible in one commit, and who may publish."""

from billing_aggregator.export.publish.commit import Publication, publish

__all__ = ["Publication", "publish"]
