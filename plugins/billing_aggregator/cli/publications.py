"""``publications``: what is published, is it whole, what differs, how is it loaded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from billing_aggregator.cli import publication_texts as texts
from billing_aggregator.cli.arguments import Choice
from billing_aggregator.cli.progress_bar import bytes_read
from billing_aggregator.config.export_options import Dialect
from billing_aggregator.publications import find_publication
from billing_aggregator.publications.compare import Wanted, compare
from billing_aggregator.publications.compare.sides import Side, open_side
from billing_aggregator.publications.compare.wanted import LEAST_MEMORY_MIB, MEMORY_MIB, SAMPLE_ROWS, read_tolerances
from billing_aggregator.publications.ddl import ENGINES, Target, ddl
from billing_aggregator.publications.download import download
from billing_aggregator.publications.errors import WrongQuestionError
from billing_aggregator.publications.keys import defined_key
from billing_aggregator.publications.reference import local_path
from billing_aggregator.publications.runs import list_runs
from billing_aggregator.publications.verify import verify

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from billing_aggregator.cli.results import Result
    from billing_aggregator.publications import FoundPublication

MOST_RUNS = 60
WHICH = (
    "latest (default), previous, a business date, a run id, version:<id>, client/environment[@one of these], "
    "a folder, s3://bucket/prefix/"
)


@dataclass(frozen=True)
class Answer:
    """What a subcommand found, with its exit status."""

    status: int
    words: str
    values: dict[str, Any]

    def text(self) -> str:
        """Return what a person reads."""
        return self.words

    def data(self) -> dict[str, Any]:
        """Return what a machine reads."""
        return {"ok": self.status == 0} | self.values


def add_publications(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    show: Callable[[Callable[[], Result], argparse.Namespace], int],
) -> None:
    """Add the command with its subcommands to the command line.

    :param show: prints a result and returns its status.
    """
    purpose = "list, show, verify, download, compare and load what was published"
    parser = commands.add_parser("publications", help=purpose, description=purpose)
    parser.set_defaults(json=False)
    ways = parser.add_subparsers(required=True, metavar="list | show | verify | download | compare | ddl")

    def add(name: str, help_text: str, function: Callable[[argparse.Namespace], Result]) -> argparse.ArgumentParser:
        way = ways.add_parser(name, help=help_text, description=help_text)
        way.add_argument("--client", help="default: BDA_CLIENT_ID, else enercity")
        way.add_argument("--environment", help="default: BDA_ENVIRONMENT, else detected")
        way.add_argument("--json", action="store_true", help="one JSON object instead of text")
        way.set_defaults(command=lambda options: show(partial(function, options), options))
        return way

    way = add("list", "the newest runs: date, state, rows, files, checks that warned", _list)
    way.add_argument("--limit", type=int, default=MOST_RUNS, metavar="N", help=f"runs at most (default {MOST_RUNS})")
    _with_publication(add("show", "one manifest for people", _show))
    _with_export(
        _with_publication(add("verify", "read every file again: bytes, SHA-256, rows, control totals", _verify))
    )
    way = _with_publication(add("download", "a whole run into a folder, verified; goes on where it stopped", _download))
    way.add_argument("--to", required=True, metavar="FOLDER", help="a new folder, or one with the same download")
    _compare_arguments(add("compare", "what differs: schema, rows, control totals, then rows by key", _compare))
    way = _with_export(_with_publication(add("ddl", "SQL that creates a table and loads the files", _ddl)))
    way.add_argument("--engine", required=True, choices=sorted(ENGINES))
    way.add_argument("--schema", help="schema of the tables (Athena: database)")
    way.add_argument("--role", help="Redshift: IAM role; Snowflake: storage integration")


def _with_publication(way: argparse.ArgumentParser) -> argparse.ArgumentParser:
    way.add_argument("publication", nargs="?", metavar="WHICH", help=WHICH)
    way.add_argument("--without-versions", action="store_true", help="read a copy, whose files have other versions")
    return way


def _with_export(way: argparse.ArgumentParser) -> argparse.ArgumentParser:
    way.add_argument("--export", metavar="NAME", help="only this export, such as customer/oibl")
    return way


def _compare_arguments(way: argparse.ArgumentParser) -> None:
    way.add_argument("a", metavar="A", help=f"{WHICH}; also CSV files without a manifest")
    way.add_argument("b", metavar="B", help="likewise")
    _with_export(way)
    way.add_argument("--without-versions", action="store_true", help="read copies, whose files have other versions")
    way.add_argument(
        "--key", metavar="A,B", default="", help="columns that tell rows apart (default: the export's own)"
    )
    way.add_argument("--tolerance", action="append", default=[], metavar="COLUMN=N", help="difference that is none")
    way.add_argument("--empty-is-null", action="store_true", help="an empty text is the same as NULL")
    way.add_argument("--delimiter", default=",", metavar="C", help="of files without a manifest (default ,)")
    way.add_argument("--null", default="", metavar="TEXT", help="NULL in files without a manifest (default: empty)")
    way.add_argument(
        "--sample", type=int, default=SAMPLE_ROWS, metavar="N", help="rows shown of each kind (default 10)"
    )
    way.add_argument("--memory", type=int, default=MEMORY_MIB, metavar="MIB", help=f"default {MEMORY_MIB} MiB")


def _list(options: argparse.Namespace) -> Answer:
    if options.limit < 1:
        raise WrongQuestionError(f"--limit {options.limit}: give a number of 1 or more")
    found = list_runs(Choice.of(options).config(), options.limit)
    return Answer(0, texts.run_list(found), texts.run_list_data(found))


def _show(options: argparse.Namespace) -> Answer:
    found = _find(options)
    return Answer(0, texts.manifest(found), {"place": found.place, "manifest": found.manifest.to_json()})


def _verify(options: argparse.Namespace) -> Answer:
    found = _find(options)
    total = sum(file.bytes for export in found.chosen(options.export).values() for file in export.files)
    with bytes_read("verify", total) as read:
        result = verify(found, options.export, read=read)
    return Answer(result.status, texts.verification(result), texts.verification_data(result))


def _download(options: argparse.Namespace) -> Answer:
    found = _find(options)
    total = sum(file.bytes for export in found.manifest.exports.values() for file in export.files)
    with bytes_read("download", total) as read:
        done = download(found, local_path(options.to), read=read)
    return Answer(0, texts.downloaded(done), texts.downloaded_data(done))


def _compare(options: argparse.Namespace) -> Answer:
    config = Choice.of(options).config()
    wanted = Wanted(
        export=options.export,
        key=tuple(part.strip() for part in options.key.split(",") if part.strip()),
        tolerances=read_tolerances(options.tolerance),
        empty_is_null=options.empty_is_null,
        dialect=_dialect(options),
        sample_rows=max(options.sample, 0),
        memory_mib=max(options.memory, LEAST_MEMORY_MIB),
    )
    a, b = (open_side(which, config, with_versions=not options.without_versions) for which in (options.a, options.b))
    with bytes_read("read", _bytes(a, options.export) + _bytes(b, options.export)) as read:
        result = compare(a, b, wanted, defined_key=lambda export: defined_key(config, export), read=read)
    return Answer(result.status, texts.comparison(result), result.data())


def _bytes(side: Side, export: str | None) -> int:
    return sum(side.bytes_of(name) for name in side.exports if export in (None, name))


def _dialect(options: argparse.Namespace) -> Dialect:
    try:
        return Dialect(delimiter=options.delimiter.replace("\\t", "\t"), null=options.null)
    except ValueError as error:
        problem = json.loads(error.json())[0]["msg"] if hasattr(error, "json") else str(error)
        raise WrongQuestionError(f"--delimiter or --null: {problem}") from None


def _ddl(options: argparse.Namespace) -> Answer:
    statements = ddl(_find(options), Target(options.engine, options.schema, options.role), options.export)
    return Answer(0, statements, {"engine": options.engine, "sql": statements})


def _find(options: argparse.Namespace) -> FoundPublication:
    config = Choice.of(options).config()
    return find_publication(options.publication, config, with_versions=not options.without_versions)
