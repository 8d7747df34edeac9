"""Reproducible figures; never run as tests."""
