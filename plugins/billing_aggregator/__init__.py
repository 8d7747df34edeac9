"""The billing data aggregator: rebuilds, proves and publishes a utility's open items and balance list."""

#: The release, which image and MWAA package carry; ``python -m scripts.release set`` writes it.
__version__ = "0.1.0"
