"""Postgres to chunked CSV on S3 or in a folder: exact, constant in memory, parallel, published in one commit.

The way of an export: :func:`~billing_aggregator.export.planner.plan_export` cuts it and opens its uploads,
:func:`~billing_aggregator.export.chunk.export_chunks` fills them (any process, any machine, any number of times), and
:func:`~billing_aggregator.export.publish.publish` makes all of a run's files visible and writes the manifest.
Nothing here knows Airflow.
"""
