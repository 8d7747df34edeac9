"""The command line; exit status 0 done, 1 the run failed, 2 wrong configuration or call, 130 interrupted."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from billing_aggregator.config import ConfigError
from billing_aggregator.scripts import ScriptError

if TYPE_CHECKING:
    from collections.abc import Sequence

DONE, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.command(options)
    except (ConfigError, ScriptError) as error:
        print(f"error: {error}", file=sys.stderr)
        return WRONG
    except KeyboardInterrupt:
        print("\ninterrupted: everything that was started is stopped", file=sys.stderr)
        return INTERRUPTED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="billing_aggregator", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    run = commands.add_parser("run", help="run the DAG of one client and environment on this machine")
    run.add_argument("--client", help="default: BDA_CLIENT_ID, else enercity")
    run.add_argument("--environment", help="default: BDA_ENVIRONMENT, else detected")
    run.add_argument("--dry-run", action="store_true", help="count what would be exported, publish nothing")
    run.set_defaults(command=_run)
    return parser


def _run(options: argparse.Namespace) -> int:
    from billing_aggregator.local.run import run

    conf: dict[str, Any] = {"dry_run": True} if options.dry_run else {}
    return run(options.client, options.environment, conf)
