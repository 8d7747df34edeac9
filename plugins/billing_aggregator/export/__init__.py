"""Postgres to chunked CSV on S3 or in a folder: exact, constant in memory, parallel, published in one commit.

The way of an export: :func:`plan_export` cuts it and opens its uploads, :func:`export_chunks` fills them (any process,
any machine, any number of times), and :func:`publish` makes all of a run's files visible and writes the manifest.
Nothing here knows Airflow.
"""

# Others import from plan/, copy/, store/ and publish/, and from the modules beside them.
__all__: list[str] = []
