"""Acceptance tests in German: the feature files are for people from finance, their steps are here in Python."""
