"""A small include folder without mistakes: its clients, one of its checks."""

from __future__ import annotations

CLIENTS = """
systems: {bookkeeper: {}, tripica: {needs: [bookkeeper]}}
defaults: {s3_bucket: exports, schedule: null}
clients:
  one: {prod: {}, stage: {}}
  two: {prod: {}}
"""
CHECK = "-- fail: there is something\nselect 1 where false;\n"
