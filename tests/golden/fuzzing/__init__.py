"""Seeded random changes of the sample vault, to compare the SQL with the reference model."""
