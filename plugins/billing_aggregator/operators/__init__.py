"""Thin Airflow operators: they know connections, params and time-outs; the work is done below them."""

# One operator a module, imported from there: the plugin, which every part of Airflow loads, needs links.py alone.
__all__: list[str] = []
