"""The package's shape: which room imports which, how large modules are, what is imported and declared."""
