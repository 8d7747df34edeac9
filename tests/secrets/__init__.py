"""Canaries: a secret in every place where one can be configured is found in no other place."""
