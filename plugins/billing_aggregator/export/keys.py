"""Where files go: keys, file names, and the patterns that tell an export's own files from others.

See :mod:`billing_aggregator.config.key_template` for the fields of a template.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Self
from urllib.parse import quote, urlsplit

from billing_aggregator.config.key_template import KeyTemplateError, manifest_key, publication_prefix

LOCK_NAME = "_publishing.json"
EXPORT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*")
PATH_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
NUMBERED = re.compile(r"_\d{4,}\.csv(\.gz|\.zst)?")
KEY_BYTES = 1024


@dataclass(frozen=True)
class ExportRun:
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
        """Tell whether *run_id* with *tag* is this run; where one of the two has no tag, the ids decide."""
        return run_id == self.run_id and (not tag or not self.tag or tag == self.tag)

    @property
    def prefix(self) -> str:
        """Where the manifest and the lock lie, e.g. ``enercity/prod/``."""
        return publication_prefix(self.client, self.environment)

    @property
    def manifest_key(self) -> str:
        """The manifest's key."""
        return manifest_key(self.client, self.environment)

    @property
    def lock_key(self) -> str:
        """The key of the object that tells who is publishing."""
        return self.prefix + LOCK_NAME

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


def render_key(template: str, run: ExportRun, file: str) -> str:
    """Return the key of *file*; the run's id is quoted so that it is one safe path part."""
    key = template.format(
        client=run.client,
        environment=run.environment,
        business_date=run.business_date,
        run=_part(run.run_id),
        file=file,
    )
    if len(key.encode()) > KEY_BYTES:
        raise KeyTemplateError(f"key {key!r} is longer than {KEY_BYTES} bytes")
    return key


def _part(run_id: str) -> str:
    """Return a run's id as one part of a path; ``.`` and ``..`` would lead out of the client's prefix in a folder."""
    quoted = quote(run_id, safe="").replace("%", "=")
    return quoted.replace(".", "=2E") if quoted in {".", ".."} else quoted


def file_name(export: str, index: int, ending: str) -> str:
    """Return a file's name: ``customer/oibl_0000.csv``."""
    return f"{export}_{index:04d}{ending}"


def is_file_of(key: str, stem: str) -> bool:
    """Tell whether *key* is a numbered file of the export whose keys start with *stem*, in any compression."""
    return key.startswith(stem) and NUMBERED.fullmatch(key, len(stem)) is not None


def looks_like_a_file(key: str) -> bool:
    """Tell whether *key* ends like a numbered file of any export."""
    return any(match.end() == len(key) for match in NUMBERED.finditer(key))
