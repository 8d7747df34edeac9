"""Cuts the text of an SQL script into its statements, as the server's own shell does.

A semicolon ends a statement unless it stands in a string, a quoted name, a dollar quote, a comment, in parentheses, or
in the body of a ``create function ... begin atomic``. Nothing else is read here: the server says what is wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    r"""
    (?P<space> [ \t\n\r\f\v]+ | --[^\n\r]* )
    | (?P<comment> /\* )
    | (?P<quoted> [eE]'(?:[^'\\]|\\.|'')*(?:'|\Z) | '[^']*(?:'|\Z) | "[^"]*(?:"|\Z) )
    | (?P<dollar> \$(?:[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*)?\$ )
    | (?P<word> [A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]* )
    | (?P<sign> . )
    """,
    re.VERBOSE | re.DOTALL,
)
BLANK = ("space", "comment")
SPACE = " \t\n\r\f\v"
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_ROUTINE = re.compile(r"create (or replace )?(function|procedure)")


@dataclass(frozen=True)
class Statement:
    """One statement of a script.

    :param text: from its first word on, with its semicolon; without the comments before it.
    :param start: characters of the script before it.
    :param line: the script's line that it begins in, counted from 1.
    """

    text: str
    start: int
    line: int

    def excerpt(self, length: int) -> str:
        """Return the statement on one line without comments, cut to *length* characters."""
        line = " ".join(without_comments(self.text).split()).removesuffix(";").rstrip()
        return line if len(line) <= length else line[: length - 1] + "…"


def split_statements(text: str) -> list[Statement]:
    """Return the statements of *text*; none if there are only comments.

    A quote, comment or parenthesis that is left open reaches to the end of the text: the server says what is wrong.
    """
    statements: list[Statement] = []
    start: int | None = None
    depth = _Depth()
    for kind, begin, end in tokens(text):
        if kind in BLANK:
            continue
        if start is None:
            if text[begin] == ";":  # an empty statement
                continue
            start = begin
        if kind == "word":
            depth.word(text[begin:end].lower())
        elif kind == "sign" and depth.sign(text[begin]):
            statements.append(_statement(text, start, end))
            start = None
            depth = _Depth()
    if start is not None:
        statements.append(_statement(text, start, len(text.rstrip(SPACE))))
    return statements


def as_query(text: str) -> str:
    """Return *text* so that it can stand in parentheses: without the semicolons behind its only statement.

    Everything else stays where it is. Text of several statements comes back as it is, for the server to refuse.
    """
    statements = split_statements(text)
    if len(statements) != 1:
        return text.rstrip(SPACE)
    end = statements[0].start + len(statements[0].text)
    behind = "".join(" " if text[end + a] == ";" else text[end + a : end + b] for _, a, b in tokens(text[end:]))
    return (text[:end].removesuffix(";") + behind).rstrip(SPACE)


def without_comments(text: str) -> str:
    """Return *text* with a blank for each comment and each run of white space."""
    return "".join(" " if kind in BLANK else text[begin:end] for kind, begin, end in tokens(text))


def tokens(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield kind, begin and end of each token of *text*; a comment, a string or a dollar quote is one.

    Kinds: ``space``, ``comment``, ``quoted``, ``dollar``, ``word`` and ``sign``.
    """
    at = 0
    while match := _TOKEN.match(text, at):
        kind, end = str(match.lastgroup), match.end()
        if kind == "comment":
            end = _comment_end(text, end)
        elif kind == "dollar":
            closing = text.find(match[0], end)
            end = len(text) if closing < 0 else closing + len(match[0])
        yield kind, at, end
        at = end


class _Depth:
    """How deep a place is in parentheses and in the body of a routine."""

    def __init__(self) -> None:
        self._parentheses = 0
        self._blocks = 0
        self._first_words = ""

    def word(self, word: str) -> None:
        if self._first_words.count(" ") < 4:  # noqa: PLR2004 - as many as "create or replace function"
            self._first_words += f"{word} "
        if self._parentheses or not _ROUTINE.match(self._first_words):
            return
        if word == "begin" or (word == "case" and self._blocks):
            self._blocks += 1
        elif word == "end" and self._blocks:
            self._blocks -= 1

    def sign(self, sign: str) -> bool:
        """Take a sign; return whether it ends the statement."""
        if sign == "(":
            self._parentheses += 1
        elif sign == ")" and self._parentheses:
            self._parentheses -= 1
        return sign == ";" and not self._parentheses and not self._blocks


def _comment_end(text: str, at: int) -> int:
    """Return where the comment ends that *at* is in; comments nest."""
    depth = 1
    for edge in _COMMENT_EDGE.finditer(text, at):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return edge.end()
    return len(text)


def _statement(text: str, start: int, end: int) -> Statement:
    return Statement(text[start:end], start, text.count("\n", 0, start) + 1)
