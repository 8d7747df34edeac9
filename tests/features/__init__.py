"""Acceptance tests in German: each feature file is meant for people from finance, its steps are here in Python."""
