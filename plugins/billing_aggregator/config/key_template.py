"""Keys of a publication: the manifest's, and the template of the files' keys.

A template has fields in braces: ``{client}``, ``{environment}``, ``{business_date}`` (ISO), ``{run}`` and ``{file}``,
the file's name such as ``tripica_results_0000.csv`` or ``customer/oibl_0000.csv``.
"""

from __future__ import annotations

import re
from string import Formatter

MANIFEST_NAME = "_manifest.json"
DEFAULT_KEY_TEMPLATE = "{client}/{environment}/{file}"
FIELDS = frozenset({"client", "environment", "business_date", "run", "file"})
#: Fields that give each day or run its own keys, so that earlier files stay.
HISTORY_FIELDS = frozenset({"business_date", "run"})
LITERAL = re.compile(r"[A-Za-z0-9!_.*'()=@+,/-]*")


class KeyTemplateError(ValueError):
    """A key template, target or name is refused; the message names the part and the way out."""


def publication_prefix(client: str, environment: str) -> str:
    """Return what the keys of a client's manifest and lock start with, e.g. ``enercity/prod/``."""
    return f"{client}/{environment}/"


def manifest_key(client: str, environment: str) -> str:
    """Return the key of a client's manifest, e.g. ``enercity/prod/_manifest.json``."""
    return publication_prefix(client, environment) + MANIFEST_NAME


def load_list_prefix(client: str, environment: str) -> str:
    """Return what the keys of a publication's load lists start with, e.g. ``enercity/prod/lists/``.

    No part of it begins with an underscore: Athena takes such files for hidden ones.
    """
    return f"{publication_prefix(client, environment)}lists/"


def load_list_key(client: str, environment: str, kind: str, export: str) -> str:
    """Return the key of a load list.

    :param kind: ``redshift``: a file for each export, ``.../lists/redshift/customer/oibl.json``; ``athena``: a folder
        for each export, as a table's location is one, ``.../lists/athena/customer/oibl/files.txt``.
    """
    name = f"{export}/files.txt" if kind == "athena" else f"{export}.json"
    return f"{load_list_prefix(client, environment)}{kind}/{name}"


def check_template(template: str) -> None:
    """Raise :class:`KeyTemplateError` if keys could collide, leave their folder or not be rendered."""
    used = _fields(template)
    if used.count("file") != 1 or not template.endswith("{file}"):
        raise KeyTemplateError(f"key template {template!r} must end with {{file}}, else the files of an export collide")
    for field in ("client", "environment"):
        if field not in used:
            raise KeyTemplateError(
                f"key template {template!r} lacks {{{field}}}: the files of two clients or environments would collide"
            )
    if template.startswith("/") or any(part in {"", ".", ".."} for part in template.split("/")):
        raise KeyTemplateError(f"key template {template!r} starts with '/' or has an empty, '.' or '..' part")


def _fields(template: str) -> list[str]:
    used: list[str] = []
    apart = True
    try:
        pieces = list(Formatter().parse(template))
    except ValueError as error:
        raise KeyTemplateError(f"key template {template!r}: {error}") from None
    for literal, field, spec, conversion in pieces:
        if not LITERAL.fullmatch(literal):
            raise KeyTemplateError(f"key template {template!r}: {literal!r} has a character that is unsafe in keys")
        apart = apart or "/" in literal
        if field is None:
            continue
        if field not in FIELDS or spec or conversion:
            raise KeyTemplateError(f"key template {template!r}: {{{field}}} is not one of {', '.join(sorted(FIELDS))}")
        if not apart:
            raise KeyTemplateError(
                f"key template {template!r}: put '/' before {{{field}}}, else the keys of two runs may collide"
            )
        apart = False
        used.append(field)
    return used


def keeps_history(template: str) -> bool:
    """Return whether each day or run has its own keys, so that publishing overwrites no earlier files."""
    return any(field in HISTORY_FIELDS for _, field, _, _ in Formatter().parse(template))
