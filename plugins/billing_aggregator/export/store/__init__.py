"""Where files go: a bucket or a folder, behind one protocol."""

from billing_aggregator.export.store.opening import open_store
from billing_aggregator.export.store.protocol import Found, Part, Store, Stored, Upload

__all__ = ["Found", "Part", "Store", "Stored", "Upload", "open_store"]
