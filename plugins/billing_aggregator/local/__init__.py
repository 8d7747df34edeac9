"""Everything that makes the aggregator run on a laptop: embedded Postgres, local S3 server, progress display."""
