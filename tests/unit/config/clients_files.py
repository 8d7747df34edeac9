"""Writes a ``clients.yaml`` of two clients, whole or with other sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path

BASE = """
systems:
  bookkeeper: {}
  tripica: {needs: [bookkeeper]}
defaults:
  s3_bucket: of-defaults
  max_rows_per_file: 1000
  alerts: {email: [a@example.org]}
environments:
  stage: {s3_bucket: of-stage}
clients:
  one:
    prod: {}
    stage: {}
  two:
    stage: {s3_bucket: of-two-stage, alerts: {slack: true}}
"""


def written(tmp_path: Path, text: str = BASE) -> Path:
    path = tmp_path / "clients.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def changed(tmp_path: Path, **sections: object) -> Path:
    return written(tmp_path, yaml.safe_dump(yaml.safe_load(BASE) | sections, sort_keys=False))
