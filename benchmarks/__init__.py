"""Reproducible figures: synthetic vaults of any size, and how long the scripts take on them. Never run as tests."""

import sys
from pathlib import Path

# `python -m benchmarks.<name>` from the project's root finds the package without PYTHONPATH.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "plugins"))
