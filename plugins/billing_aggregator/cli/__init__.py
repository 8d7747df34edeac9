"""The command line: ``python -m billing_aggregator validate | health | plan | run | migrate``."""

from billing_aggregator.cli.main import main

__all__ = ["main"]
