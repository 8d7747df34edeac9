"""Everything that makes the aggregator run on a laptop: embedded Postgres, local S3 server, progress display."""

# The command line imports run.py when it is asked to run: the rest of it needs no server.
__all__: list[str] = []
