"""Least privilege: the documented grants are enough for everything, and each single one is needed, in words."""
