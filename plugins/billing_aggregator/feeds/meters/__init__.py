"""Meters: what reads a platform's usage over HTTP, and the hourly reading that keeps what they measured."""

# Modules are imported one by one: a DAG file needs none of them.
__all__: list[str] = []
