"""What can never work in a client's SQL, and what in its folders would never run.

Takes longer than a DAG may take to be built: for ``validate`` and ``run``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.config.errors import suggestion
from billing_aggregator.config.text_files import SourceFileError, entries, printable, read_sql
from billing_aggregator.migrations import schema_problems
from billing_aggregator.migrations.files import SCHEMA_FOLDER
from billing_aggregator.night.phases import FEED_PHASES, SCRIPT_PHASES
from billing_aggregator.night.read import RENAMED
from billing_aggregator.sql.checks import CheckError, parse_check
from billing_aggregator.sql.queries import ARCHIVE
from billing_aggregator.sql.rules import query_problem, text_problems
from billing_aggregator.sql.scripts import NO_STATEMENT, NOT_RUN_PREFIX, find_scripts
from billing_aggregator.sql.statements import split_statements

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing_aggregator.night.description import Night
    from billing_aggregator.night.phases import ScriptPhase
    from billing_aggregator.sql.scripts import Script

# Folders beside the phases: export queries, durable tables, what feeds run.
OTHER_FOLDERS = (ARCHIVE, SCHEMA_FOLDER, *(phase.name for phase in FEED_PHASES))


def all_problems(night: Night) -> list[str]:
    """Return what is wrong with the client's SQL folders, scripts, checks and export queries, one line each."""
    found = (folder_problems, script_problems, feed_problems, export_problems)
    return list(dict.fromkeys(line for problems in found for line in problems(night)))


def folder_problems(night: Night) -> Iterator[str]:
    """Yield what in the SQL folders would never run: unknown phases and systems, files at a wrong place."""
    yield from night.folder_problems
    yield from schema_problems(night.root)
    systems = tuple(night.config.dependencies or night.systems)
    phases = [phase.name for phase in SCRIPT_PHASES]
    try:
        for entry in entries(night.root):
            if entry.name in OTHER_FOLDERS or entry.name.startswith((".", NOT_RUN_PREFIX)):
                continue
            if entry.name in RENAMED and entry.is_dir():
                continue  # told already
            if entry.name not in phases or not entry.is_dir():
                known = f"the phases are {', '.join(phases)}; other folders: {', '.join(OTHER_FOLDERS)}"
                yield f"{printable(entry)}: no phase has this name; {known}"
                continue
            for system in entries(entry):
                if system.is_file() and system.suffix != ".sql":
                    continue
                if system.name not in systems or not system.is_dir():
                    yield f"{printable(system)}: no system has this name; known: {', '.join(systems)}"
    except SourceFileError as error:
        yield from str(error).splitlines()


def script_problems(night: Night) -> Iterator[str]:
    """Yield what is wrong with scripts and checks."""
    for phase in night.phases:
        for system in phase.systems:
            yield from system.problems
            for script in system.scripts:
                yield from _script(phase.phase, script)


def feed_problems(night: Night) -> Iterator[str]:
    """Yield what is wrong with the scripts and checks of the client's feeds."""
    for feed, options in night.config.feeds.items():
        for phase in FEED_PHASES:
            try:
                scripts = find_scripts(night.root, phase.name, feed, night.config.client)
            except SourceFileError as error:
                yield from str(error).splitlines()
                continue
            # What a reading takes is posted by the night.
            if phase.required and options.kind == "kafka" and not scripts:
                yield f"{printable(night.root / phase.name / feed)}: the feed {feed} has no scripts here"
            for script in scripts:
                yield from _script(phase, script)


def export_problems(night: Night) -> Iterator[str]:
    """Yield what is wrong with export queries."""
    yield from night.export_problems
    for export in night.exports:
        if export.problem:
            yield export.problem
        if export.query:
            path = night.root / export.query
            try:
                yield from _text(path, read_sql(path), "an export")
            except SourceFileError as error:
                yield str(error)


def severity_problems(night: Night) -> Iterator[str]:
    """Yield overrides of severity for checks that do not exist; none where it is not known which checks there are."""
    checked = [phase for phase in night.phases if phase.phase.checks]
    if any(system.problems for phase in checked for system in phase.systems):
        return
    known = [script.key for phase in checked for system in phase.systems for script in system.scripts]
    for name in night.config.check_severity:
        if name not in known:
            near = suggestion(name, known).split("; known")[0]
            yield f"{night.config.client}/{night.config.environment}: check_severity: there is no check {name}{near}"


def script_settings_problems(night: Night) -> Iterator[str]:
    """Yield settings for scripts that do not exist, in folders of systems that the client has."""
    run = [system for phase in night.phases if not phase.phase.checks for system in phase.systems]
    if any(system.problems for system in run):
        return
    known = [script.key for system in run for script in system.scripts]
    systems = {key.split("/")[1] for key in known}
    for name in night.config.script_settings:
        if name not in known and (name.count("/") != 2 or name.split("/")[1] in systems):  # noqa: PLR2004 - three parts
            near = suggestion(name, known).split("; known")[0]
            yield f"{night.config.client}/{night.config.environment}: script_settings: there is no script {name}{near}"


def _script(phase: ScriptPhase, script: Script) -> Iterator[str]:
    try:
        text = script.read()
        if phase.checks:
            parse_check(text, printable(script.path))
    except (SourceFileError, CheckError) as error:
        yield str(error)
        return
    if not phase.checks and not split_statements(text):
        yield f"{printable(script.path)}: {NO_STATEMENT}"
    yield from _text(script.path, text, "a check" if phase.checks else None)


def _text(path: Path, text: str, query: str | None) -> Iterator[str]:
    """Yield what can never work in *text*; *query* says what must be one query, such as ``a check``."""
    for problem in text_problems(text):
        yield f"{printable(path)}, line {problem.line}: {problem.text}"
    if query and (reason := query_problem(split_statements(text))):
        yield f"{printable(path)}: {query} is {reason}"
