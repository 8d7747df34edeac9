"""Hostile input: nothing of it is executed, nothing leaves its prefix or folder, refusals are clear."""
