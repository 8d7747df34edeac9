"""Commands for people and for machines: human output by default, one JSON object with ``--json``.

exit status:
  0    done: valid, healthy, planned, the run succeeded; a publication is whole, two are equal
  1    the run or a migration failed, health found something that would fail it; a publication is broken, two are
       different
  2    the configuration or the call is wrong: nothing was started
  3    publications: there is no such run, day, folder or version
  4    publications: the bucket, the folder or the warehouse cannot be read
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
from billing_aggregator.cli.produce import produce_orders
from billing_aggregator.cli.publications import add_publications
from billing_aggregator.cli.results import DONE, INTERRUPTED, WRONG
from billing_aggregator.cli.validate import validate
from billing_aggregator.config import ConfigError
from billing_aggregator.night import read_night
from billing_aggregator.night.text_problems import all_problems
from billing_aggregator.publications.errors import PublicationError
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
    except PublicationError as error:
        _refuse(error, as_json=options.json)
        return error.status
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
    produce = _command(commands, "produce-orders", "send random orders to the topic of a client's feed", _produce)
    produce.add_argument("--orders", type=int, default=1_000, metavar="N", help="default: 1000")
    produce.add_argument("--seed", type=int, default=None, metavar="N", help="default: another one each time")
    produce.add_argument("--per-second", type=float, default=None, metavar="N", help="default: as fast as can be")
    run = _command(commands, "run", "run the DAG of one client and environment on this machine", _run)
    shown = _command(commands, "page", "serve the page of publications on this machine, of the runs kept here", _page)
    shown.add_argument("--port", type=int, default=8642, help="default: %(default)s, on 127.0.0.1")
    migration = _command(
        commands,
        "migrate",
        "bring the durable tables of one client's systems up to date",
        _migrate,
    )
    migration.add_argument("--dry-run", action="store_true", help="show what would be applied, change nothing")
    for command in (health, plan, produce, run, shown, migration):
        command.add_argument("--client", help="default: BDA_CLIENT_ID, else enercity")
        command.add_argument("--environment", help="default: BDA_ENVIRONMENT, else detected")
    only = run.add_mutually_exclusive_group()
    only.add_argument("--no-feeds", action="store_true", help="the nightly DAG only")
    only.add_argument("--feeds-only", action="store_true", help="each feed until its topic is drained, no nightly DAG")
    for command in (plan, run):
        command.add_argument("--systems", metavar="A,B", help="only these systems")
        command.add_argument("--ignore-systems", metavar="A,B", help="leave out these systems")
        command.add_argument("--business-date", metavar="YYYY-MM-DD", help="default: today in the client's time zone")
        command.add_argument("--max-rows-per-file", metavar="N", type=int, help="rows in each CSV file but the last")
        command.add_argument("--dry-run", action="store_true", help="count what would be exported, publish nothing")
    add_publications(commands, _show)
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
    from billing_aggregator.local.run import Parts, run

    choice = Choice.of(options)
    config = choice.config()
    choice.params(config)
    problems = all_problems(read_night(config))
    if problems:
        raise ConfigError("\n".join(problems))
    parts = Parts(feeds=not options.no_feeds, night=not options.feeds_only)
    if not parts.night and not config.feeds:
        raise ConfigError(f"--feeds-only: {config.client}/{config.environment} has no feeds")
    return run(config, choice.conf, parts, as_json=options.json)


def _page(options: argparse.Namespace) -> int:
    from billing_aggregator.local.page import serve

    return serve(Choice.of(options).config(), options.port)


def _produce(options: argparse.Namespace) -> int:
    config = Choice.of(options).config()
    return _show(lambda: produce_orders(config, options.orders, options.seed, options.per_second), options)
