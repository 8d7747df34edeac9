"""Commands for people and for machines: human output by default, one JSON object with ``--json``.

exit status:
  0    done: valid, healthy, planned, the run succeeded
  1    the run or a migration failed, or health found something that would fail it
  2    the configuration or the call is wrong: nothing was started
  130  interrupted: everything that was started is stopped
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

from billing_aggregator.cli.airflow_home import airflow_home
from billing_aggregator.cli.arguments import Choice
from billing_aggregator.cli.health import health
from billing_aggregator.cli.migrate import migrate
from billing_aggregator.cli.plan import plan
from billing_aggregator.cli.results import DONE, INTERRUPTED, WRONG
from billing_aggregator.cli.validate import validate
from billing_aggregator.config import ConfigError
from billing_aggregator.night import read_night
from billing_aggregator.night.text_problems import all_problems
from billing_aggregator.sql.scripts import SourceFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from billing_aggregator.cli.results import Result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: see the module's docstring."""
    options = _parser().parse_args(arguments)
    # Airflow's own lines would mix with ours; set the variable to see them.
    os.environ.setdefault("AIRFLOW__LOGGING__LOGGING_LEVEL", "CRITICAL")
    try:
        with airflow_home():
            status: int = options.command(options)
    except (ConfigError, SourceFileError) as error:
        _refuse(error, as_json=options.json)
        return WRONG
    except KeyboardInterrupt:
        print("\ninterrupted: everything that was started is stopped", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, such as `head`, has closed the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    return status


def _refuse(error: Exception, *, as_json: bool) -> None:
    problems = str(error).splitlines()
    if as_json:
        print(json.dumps({"ok": False, "problems": problems}, indent=2, ensure_ascii=False))
    else:
        print("\n".join(f"error: {problem}" for problem in problems), file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="billing_aggregator", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    _command(
        commands, "validate", "check configuration, scripts, checks and exports of every client; offline", _validate
    )
    health = _command(
        commands, "health", "check database, privileges, S3, mail and Slack of one client on the real servers", _health
    )
    plan = _command(commands, "plan", "show what a run would do, phase by phase; offline", _plan)
    run = _command(commands, "run", "run the DAG of one client and environment on this machine", _run)
    migration = _command(
        commands,
        "migrate",
        "bring the durable tables of one client's systems up to date",
        _migrate,
    )
    migration.add_argument("--dry-run", action="store_true", help="show what would be applied, change nothing")
    for command in (health, plan, run, migration):
        command.add_argument("--client", help="default: BDA_CLIENT_ID, else enercity")
        command.add_argument("--environment", help="default: BDA_ENVIRONMENT, else detected")
    for command in (plan, run):
        command.add_argument("--systems", metavar="A,B", help="only these systems")
        command.add_argument("--ignore-systems", metavar="A,B", help="leave out these systems")
        command.add_argument("--business-date", metavar="YYYY-MM-DD", help="default: today in the client's time zone")
        command.add_argument("--max-rows-per-file", metavar="N", type=int, help="rows in each CSV file but the last")
        command.add_argument("--dry-run", action="store_true", help="count what would be exported, publish nothing")
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    purpose: str,
    function: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=purpose, description=purpose)
    command.add_argument("--json", action="store_true", help="one JSON object instead of text")
    command.set_defaults(command=function)
    return command


def _show(answer: Callable[[], Result], options: argparse.Namespace) -> int:
    # Log lines of libraries go to stderr: stdout has the answer only.
    with redirect_stdout(sys.stderr):
        result = answer()
    print(json.dumps(result.data(), indent=2, ensure_ascii=False) if options.json else result.text())
    # Flushed here, so that main() handles a closed pipe.
    sys.stdout.flush()
    return result.status


def _validate(options: argparse.Namespace) -> int:
    return _show(validate, options)


def _health(options: argparse.Namespace) -> int:
    config = Choice.of(options).config()
    return _show(lambda: health(config), options)


def _migrate(options: argparse.Namespace) -> int:
    config = Choice.of(options).config()
    return _show(lambda: migrate(config, dry_run=options.dry_run), options)


def _plan(options: argparse.Namespace) -> int:
    choice = Choice.of(options)
    config = choice.config()
    params = choice.params(config)
    return _show(lambda: plan(read_night(config), params), options)


def _run(options: argparse.Namespace) -> int:
    from billing_aggregator.local.run import run

    choice = Choice.of(options)
    config = choice.config()
    choice.params(config)
    problems = all_problems(read_night(config))
    if problems:
        raise ConfigError("\n".join(problems))
    return run(config, choice.conf, as_json=options.json)
