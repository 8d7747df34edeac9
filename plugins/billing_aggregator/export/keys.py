"""Where files go: key templates, file names, and the patterns that tell an export's own files from others.

A template has fields in braces: ``{client}``, ``{environment}``, ``{business_date}`` (ISO), ``{run}`` and ``{file}``,
the file's name such as ``tripica_results_0000.csv`` or ``customer/oibl_0000.csv``.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import date
from string import Formatter
from typing import Any, Self
from urllib.parse import quote, urlsplit

DEFAULT_KEY_TEMPLATE = "{client}/{environment}/{file}"
FIELDS = frozenset({"client", "environment", "business_date", "run", "file"})
#: Fields that give each day or run its own keys, so that earlier files stay.
HISTORY_FIELDS = frozenset({"business_date", "run"})
MANIFEST_NAME = "_manifest.json"
CLAIM_NAME = "_publishing.json"
EXPORT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*")
PATH_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
LITERAL = re.compile(r"[A-Za-z0-9!_.*'()=@+,/-]*")
NUMBERED = re.compile(r"_\d{4,}\.csv(\.gz|\.zst)?")
KEY_BYTES = 1024


class KeyTemplateError(ValueError):
    """A key template, target or name cannot be used; the message names the part and the way out."""


@dataclass(frozen=True)
class Run:
    """Whose publication it is; the publication's identity is the run.

    :param target: ``s3://bucket`` or ``file:///folder``.
    :param client: first part of the manifest's key.
    :param environment: second part of the manifest's key.
    :param business_date: the day that the data are for, ISO.
    :param run_id: identity of the run; a repeated task has the same, another run another one.
    :param tag: tells runs of the same id apart that belong to two Airflows; empty: there is only one.
    """

    target: str
    client: str
    environment: str
    business_date: str
    run_id: str
    tag: str = ""

    def __post_init__(self) -> None:
        check_target(self.target)
        for name in ("client", "environment"):
            value = getattr(self, name)
            if not PATH_PART.fullmatch(value):
                raise KeyTemplateError(
                    f"{name} {value!r} cannot be a part of a key: use letters, digits, '_', '.', '-'"
                )
        try:
            date.fromisoformat(self.business_date)
        except ValueError:
            raise KeyTemplateError(f"business_date {self.business_date!r} is no ISO date such as 2026-01-31") from None
        if not self.run_id.strip():
            raise KeyTemplateError("run_id is empty; give the run's id")

    def is_same(self, run_id: str, tag: str) -> bool:
        """Tell whether *run_id* with *tag* is this run; a publication of before there were tags has none."""
        return run_id == self.run_id and (not tag or not self.tag or tag == self.tag)

    @property
    def prefix(self) -> str:
        """Where the manifest and the claim lie, e.g. ``enercity/prod/``."""
        return f"{self.client}/{self.environment}/"

    @property
    def manifest_key(self) -> str:
        """The manifest's key."""
        return self.prefix + MANIFEST_NAME

    @property
    def claim_key(self) -> str:
        """The key of the object that tells who is publishing."""
        return self.prefix + CLAIM_NAME

    def to_json(self) -> dict[str, str]:
        """Return the run as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return the run that :meth:`to_json` wrote."""
        return cls(**values)


def check_target(target: str) -> None:
    """Raise :class:`KeyTemplateError` unless *target* is ``s3://bucket`` or ``file:///folder``."""
    parts = urlsplit(target)
    if parts.query or parts.fragment:
        raise KeyTemplateError(f"target {target!r} has a query or a fragment; use s3://bucket or file:///folder")
    if parts.scheme == "s3" and parts.netloc and parts.path in {"", "/"}:
        return
    if parts.scheme == "s3" and parts.netloc:
        raise KeyTemplateError(f"target {target!r} has a path; put it into the key template")
    if parts.scheme == "file" and not parts.netloc and len(parts.path) > 1:
        return
    raise KeyTemplateError(f"target {target!r} is neither s3://bucket nor file:///folder")


def check_export_name(name: str) -> None:
    """Raise :class:`KeyTemplateError` unless *name* is like ``tripica_results`` or ``customer/oibl``."""
    if not EXPORT_NAME.fullmatch(name):
        raise KeyTemplateError(f"export name {name!r}: words of letters, digits, '_', '.', '-', joined by '/'")
    if NUMBERED.search(name):
        raise KeyTemplateError(f"export name {name!r} looks like a numbered file and could meet another export's files")


def check_template(template: str) -> None:
    """Raise :class:`KeyTemplateError` for a template whose keys could collide, escape or not be rendered."""
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
            raise KeyTemplateError(f"key template {template!r}: {literal!r} holds a character that is unsafe in keys")
        apart = apart or "/" in literal
        if field is None:
            continue
        if field not in FIELDS or spec or conversion:
            raise KeyTemplateError(f"key template {template!r}: {{{field}}} is not one of {', '.join(sorted(FIELDS))}")
        if not apart:
            raise KeyTemplateError(
                f"key template {template!r}: put '/' before {{{field}}}, else two runs' keys may meet"
            )
        apart = False
        used.append(field)
    return used


def keeps_history(template: str) -> bool:
    """Tell whether each day or run has keys of its own, so that publishing overwrites nothing of an earlier one."""
    return any(field in HISTORY_FIELDS for _, field, _, _ in Formatter().parse(template))


def render_key(template: str, run: Run, file: str) -> str:
    """Return the key of *file*; the run's id is quoted so that it is one safe path part."""
    key = template.format(
        client=run.client,
        environment=run.environment,
        business_date=run.business_date,
        run=quote(run.run_id, safe="").replace("%", "="),
        file=file,
    )
    if len(key.encode()) > KEY_BYTES:
        raise KeyTemplateError(f"key {key!r} is longer than {KEY_BYTES} bytes")
    return key


def file_name(export: str, index: int, ending: str) -> str:
    """Return a file's name: ``customer/oibl_0000.csv``."""
    return f"{export}_{index:04d}{ending}"


def is_file_of(key: str, stem: str) -> bool:
    """Tell whether *key* is a numbered file of the export whose keys start with *stem*, in any compression."""
    return key.startswith(stem) and NUMBERED.fullmatch(key, len(stem)) is not None


def looks_like_a_file(key: str) -> bool:
    """Tell whether *key* ends like a numbered file of any export."""
    return any(match.end() == len(key) for match in NUMBERED.finditer(key))
