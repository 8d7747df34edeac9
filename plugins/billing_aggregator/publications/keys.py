"""The columns that tell the rows of an export apart: the heading ``-- Key:`` of its definition in SQL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from billing_aggregator.config import ConfigError
from billing_aggregator.config.text_files import SourceFileError
from billing_aggregator.night import read_night

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig
    from billing_aggregator.night import Night, NightExport

KEY = re.compile(r"^-- Key:\s+(.+(?:\n--\s{4,}.+)*)", re.MULTILINE)
NAME = re.compile(r"\w+")


def defined_key(config: ClientConfig, export: str) -> tuple[str, ...]:
    """Return the key of an export; empty where none is defined, or the client's scripts are not here.

    It stands in the heading of the export's query, or of the script that builds the candidate of its table. Rows may
    still share a key where equal rows mean two things that happened.
    """
    try:
        night = read_night(config)
        found = next((each for each in night.exports if each.name == export), None)
        return _key(_definition(night, found)) if found else ()
    except (ConfigError, SourceFileError, OSError):
        return ()


def _definition(night: Night, export: NightExport) -> str:
    if export.query is not None:
        return (night.root / export.query).read_text(encoding="utf-8")
    schema, _, table = (export.table or "").partition(".")
    builds = f"create table {schema}.new_{table}"
    texts = (script.path.read_text(encoding="utf-8") for phase, script in night.scripts() if phase.name == "init")
    return next((text for text in texts if builds in text), "")


def _key(text: str) -> tuple[str, ...]:
    heading = text.split("\n\n", maxsplit=1)[0]
    match = KEY.search(heading)
    return tuple(NAME.findall(match[1])) if match else ()
