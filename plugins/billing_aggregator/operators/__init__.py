"""Thin Airflow operators: they know connections, params and time-outs; the work is done below them."""
