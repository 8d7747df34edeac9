"""Where files go: a bucket or a folder, behind one protocol."""

from billing_aggregator.export.store.factory import open_store
from billing_aggregator.export.store.protocol import Part, Store, StoredFile, StoredObject, Upload

__all__ = ["Part", "Store", "StoredFile", "StoredObject", "Upload", "open_store"]
