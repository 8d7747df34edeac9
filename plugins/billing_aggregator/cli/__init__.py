"""The command line: ``python -m billing_aggregator validate | health | plan | run``."""

from billing_aggregator.cli.main import main

__all__ = ["main"]
