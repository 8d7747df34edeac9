"""The billing data aggregator: rebuilds, proves and publishes a utility's open items and balance list."""
