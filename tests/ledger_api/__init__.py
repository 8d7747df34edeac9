"""The ledger's API: a running service over its two roads, on a real database."""
