"""What the statements of every engine are made of, and the quoting that they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from billing_aggregator.publications.ddl.types import engine_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from billing_aggregator.export.manifest import ManifestColumn


@dataclass(frozen=True)
class LoadTable:
    """A table that is to be loaded.

    :param name: of the table. *schema*: None writes none.
    :param columns: with Postgres' types.
    :param csv: the dialect and compression of the files.
    :param urls: of the files, in order; paths where they are in a folder.
    :param lists: ``redshift`` and ``athena`` -> URL of the list that the option ``load_lists`` writes.
    :param region: of the bucket. *role*: what lets the engine read it.
    :param comment: which publication it is.
    """

    name: str
    schema: str | None
    columns: tuple[ManifestColumn, ...]
    csv: Mapping[str, Any]
    urls: tuple[str, ...]
    lists: Mapping[str, str]
    region: str | None
    role: str | None
    comment: str

    @staticmethod
    def local(url: str) -> str:
        """Return the path of a ``file://`` URL."""
        return unquote(urlsplit(url).path)

    def qualified(self, quote: str = '"', ending: str = "") -> str:
        """Return the table's quoted name, with the schema where there is one."""
        names = [self.schema, self.name + ending] if self.schema else [self.name + ending]
        return ".".join(identifier(name, quote) for name in names)

    def definitions(self, engine: str) -> list[str]:
        """Return a line for each column: name, type, ``not null``; a comment where the engine lacks the type."""
        lines = []
        for number, column in enumerate(self.columns, 1):
            kind = engine_type(column.type, engine)
            comma = "," if number < len(self.columns) else ""
            why = "" if kind.is_exact else f" -- {one_line(column.type)}: text, so that nothing is lost"
            lines.append(
                f"    {identifier(column.name)} {kind.sql}{'' if column.nullable else ' not null'}{comma}{why}"
            )
        return lines

    def column_comments(self, quoted: Callable[[str], str]) -> list[str]:
        """Return ``comment on column`` for each column that has a meaning; *quoted* makes a string literal."""
        return [
            f"comment on column {self.qualified()}.{identifier(column.name)} is {quoted(column.description)};"
            for column in self.columns
            if column.description
        ]

    def heading(self) -> str:
        """Return a comment that says what is loaded."""
        neutral = self.csv.get("formulas") == "neutralise"
        note = "\n-- Texts that a spreadsheet would run as formulas have an apostrophe in front." if neutral else ""
        return f"-- {one_line(self.comment)}{note}"


def identifier(name: str, quote: str = '"') -> str:
    """Return a quoted name."""
    return quote + name.replace(quote, quote * 2) + quote


def literal(text: str) -> str:
    """Return a string literal of standard SQL."""
    return "'" + text.replace("'", "''") + "'"


def escaped(text: str) -> str:
    """Return a string literal for engines in which a backslash escapes (Redshift, Snowflake, Athena's properties)."""
    return literal(text.replace("\\", "\\\\"))


def one_line(text: str) -> str:
    """Return *text* without line ends, for a comment."""
    return " ".join(text.split())


def joined(lines: Iterable[str]) -> str:
    """Return lines as text."""
    return "\n".join(lines)
