"""What can never work in a text that is sent to the server as one transaction: commands of psql, data, transactions.

Only what stands outside of strings, quoted names, dollar quotes and comments counts; the server judges the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing_aggregator.sql.statements import BLANK, split_statements, tokens, without_comments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing_aggregator.sql.statements import Statement

# Commands that begin or end a transaction; `rollback to`, `savepoint` and `release` stay within one.
TRANSACTION = re.compile(
    r"(begin|start transaction|commit( prepared)?|end|abort|rollback( prepared)?|prepare transaction"
    r"|set (local |session )?(transaction|session characteristics)|set (local |session )?transaction_isolation)\b"
)
WITHIN = re.compile(r"rollback( work| transaction)? to\b")
# Commands that the server refuses within a transaction.
ALONE = re.compile(
    r"(vacuum|create( unique)? index concurrently|drop index concurrently"
    r"|reindex( ?\([^)]*\))? (index |table )?concurrently|reindex ?\([^)]*\bconcurrently\b[^)]*\)"
    r"|reindex( ?\([^)]*\))? (schema|database|system)|alter table .* detach partition .* concurrently"
    r"|(create|drop) (database|tablespace)|alter database \S+ set tablespace|alter system|discard all"
    r"|(create|drop) subscription)(?!\w)"
    r"|cluster( verbose| ?\([^)]*\))? ?;?$"
)
FROM_STDIN = re.compile(r"copy\b.*\bfrom (stdin|stdout)\b")
TO_STDOUT = re.compile(r"copy\b.*\bto (stdout|stdin)\b")
DATA_END = re.compile(r"^\\\.[ \t\r]*$", re.MULTILINE)
BLOCK = re.compile(r"do\b")
BEFORE_A_STATEMENT = frozenset({";", "begin", "then", "else", "loop"})
QUERY = re.compile(r"[\s(]*(select|with|table|values)\b")
CHANGES = re.compile(r"\bas (not materialized |materialized )?\( ?(insert|update|delete|merge)\b")
VARIABLE = re.compile(r":([^\W\d]\w*|'[^'\n]*'|\"[^\"\n]*\"|\{\?\w+\})")


@dataclass(frozen=True)
class TextProblem:
    """What is wrong in one line of a text, counted from 1."""

    line: int
    text: str


def text_problems(text: str) -> list[TextProblem]:
    """Return what can never work in *text*, in the order of its lines."""
    found: set[tuple[int, str]] = set()
    text, commands = _without_psql(text)
    for line, command in commands:
        found.add((line, f"{command} is a command of psql, which the server does not know; write SQL instead"))
    for line, variable in _psql_variables(text):
        found.add((line, f"{variable} is a variable of psql, which the server does not know; see current_setting()"))
    for statement in split_statements(text):
        if reason := _reason(statement):
            found.add((statement.line, reason))
        for line, word in _block_transactions(statement):
            found.add((line, f"{word} cannot stand in a block of a script, which is one transaction; remove it"))
    return [TextProblem(line, reason) for line, reason in sorted(found)]


def query_problem(statements: Sequence[Statement]) -> str | None:
    """Return why *statements* are not one query that only reads; None when they are."""
    if len(statements) != 1 or not QUERY.match(_plain(statements[0])):
        return "one query: SELECT ..., without further statements"
    if CHANGES.search(_plain(statements[0])):
        return "one query that only reads, without INSERT, UPDATE, DELETE or MERGE in it"
    return None


def _reason(statement: Statement) -> str | None:
    plain = _plain(statement)
    if FROM_STDIN.match(plain):
        return "COPY ... FROM STDIN waits for data that a script cannot send; write INSERT ... VALUES"
    if TO_STDOUT.match(plain):
        return "COPY ... TO STDOUT has nobody to receive it in a script; write an export"
    found = None if WITHIN.match(plain) else TRANSACTION.match(plain) or ALONE.match(plain)
    if found is None:
        return None
    words = " ".join(_code(statement.text).split())[: found.end()].rstrip(" ;")
    return f"{words} cannot stand in a script, which is one transaction; remove it"


def _without_psql(text: str) -> tuple[str, list[tuple[int, str]]]:
    """Return *text* without what only psql understands, line and word of each of its commands.

    A command begins with a backslash and reaches to the end of its line; data stand behind ``COPY ... FROM STDIN``. One
    may hide the other, so they are taken in their order; lines keep their numbers.
    """
    commands: list[tuple[int, str]] = []
    seen = 0
    while True:
        copied = next((s for s in split_statements(text) if s.start >= seen and FROM_STDIN.match(_plain(s))), None)
        signs = (begin for kind, begin, _ in tokens(text) if kind == "sign" and text[begin] == "\\")
        at = next(signs, None)
        if copied is not None and (at is None or copied.start < at):
            seen = copied.start + len(copied.text)
            end = DATA_END.search(text, seen)
            if end is not None:
                text = text[:seen] + "\n" * text.count("\n", seen, end.end()) + text[end.end() :]
        elif at is not None:
            rest = text[at:].partition("\n")[0]
            commands.append((text.count("\n", 0, at) + 1, rest.split()[0]))
            text = text[:at] + text[at + len(rest) :]
        else:
            return text, commands


def _psql_variables(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of psql's variables, ``:name`` and ``:'name'``; slices as in ``a[1:n]`` are none."""
    brackets = 0
    last = ""
    for kind, begin, _ in tokens(text):
        sign = text[begin] if kind == "sign" else ""
        brackets += {"[": 1, "]": -1}.get(sign, 0)
        if sign == ":" and last != ":" and brackets <= 0 and (found := VARIABLE.match(text, begin)):
            yield text.count("\n", 0, begin) + 1, found[0]
        last = sign


def _block_transactions(statement: Statement) -> Iterator[tuple[int, str]]:
    """Yield line and word of each COMMIT and ROLLBACK in the body of a DO block."""
    if not BLOCK.match(_plain(statement)):
        return
    for kind, begin, end in tokens(statement.text):
        if kind != "dollar":
            continue
        edge = statement.text.index("$", begin + 1) + 1 - begin
        body = statement.text[begin + edge : end - edge]
        before = ";"
        for inner, start, stop in tokens(body):
            if inner in BLANK:
                continue
            word = body[start:stop].lower()
            if word in {"commit", "rollback"} and before in BEFORE_A_STATEMENT:
                line = statement.line + statement.text.count("\n", 0, begin + edge + start)
                yield line, body[start:stop]
            before = word


def _plain(statement: Statement) -> str:
    """Return the statement in lower case on one line, without comments, strings and quoted names."""
    return " ".join(_code(statement.text).lower().split())


def _code(text: str) -> str:
    """Return *text* without comments; strings and quoted names are left empty."""
    text = without_comments(text)
    return "".join("''" if kind in {"quoted", "dollar"} else text[begin:end] for kind, begin, end in tokens(text))
