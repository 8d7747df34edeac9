"""How the rows of a chunk stream from COPY into the parts of an open upload."""

from billing_aggregator.export.copy.chunk import ChunkState, export_chunks

__all__ = ["ChunkState", "export_chunks"]
