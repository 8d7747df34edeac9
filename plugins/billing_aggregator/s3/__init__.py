"""Everything that knows S3 itself: which connection, how its clients are made, what goes with every request.

Nothing here knows exports, runs or DAGs; who wants something of a bucket asks a
:class:`~billing_aggregator.s3.bucket.Bucket`.
"""

# Others import from the modules: most need only one, and two of them load a slow provider.
__all__: list[str] = []
