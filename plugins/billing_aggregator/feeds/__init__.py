"""Feeds: what takes facts into the warehouse all day, exactly once, and publishes what came of them. No DAGs."""

# Modules are imported one by one: a DAG file needs none of them.
__all__: list[str] = []
