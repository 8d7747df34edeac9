"""Where the statements of a script end, compared with how a real server splits the whole text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_aggregator.sql.statements import split_statements
from tests.conftest import SQL_ROOT

if TYPE_CHECKING:
    from billing_aggregator.local.postgres import EmbeddedPostgres

ROUTINE = """create or replace function pg_temp.twice(a int) returns int language sql
begin atomic
    select case when a > 0 then 1 else 2 end;
    select a * 2;
end;
"""
TEXTS = {
    "two": ("select 1;\nselect 2;", [1, 2]),
    "no last semicolon": ("select 1;\n\n  select 2", [1, 3]),
    "only comments": ("-- a; b\n/* c; */ ;;\n", []),
    "strings": (
        "select 'a;b', 'it''s; fine', E'\\';', e'\\\\', U&'\\0041;', $$;$$, $tag$ $$ ; $tag$;\nselect 2;",
        [1, 2],
    ),
    "names": ('select 1 as "a;b", 2 as "c"";";\nselect 2;', [1, 2]),
    "comments": ("select 1 -- ; one\n/* ; /* nested ; */ ; */ + 1;\n-- last;\nselect 2;", [1, 4]),
    "dollars within names": ("select 1 as a$b$;\nselect 2 as c$b$;", [1, 2]),
    "block": ("do $$ begin perform 1; perform 2; end $$;\nselect 2;", [1, 2]),
    "routine": (f"-- a routine\n{ROUTINE}select pg_temp.twice(2);", [2, 7]),
    "begin as a name": ("select 1 as begin;\nselect 2 as atomic;", [1, 2]),
    "case before a routine": ("select case when true then 1 end;\nselect 2;", [1, 2]),
    "backslash at the end of a plain string": ("select 'a\\';\nselect 2;", [1, 2]),
    "several on a line": ("select 1; select 2; /* x */ select 3;", [1, 1, 1]),
    "umlauts": ("select 'ä;' as größe$;\nselect 2;", [1, 2]),
    "Windows line ends": ("select 1;\r\n-- x\r\nselect 2;\r\n", [1, 3]),
}


@pytest.mark.parametrize("name", TEXTS)
def test_statements_begin_where_expected(name: str) -> None:
    text, lines = TEXTS[name]
    statements = split_statements(text)
    assert [statement.line for statement in statements] == lines
    for statement in statements:
        assert text[statement.start :].startswith(statement.text)


@pytest.mark.parametrize("name", [name for name in TEXTS if TEXTS[name][1]])
def test_the_server_counts_the_same(name: str, postgres: EmbeddedPostgres) -> None:
    """The whole text gives as many results as there are statements, and each one alone is one statement."""
    text, _ = TEXTS[name]
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        cursor = connection.execute(text)
        results = 1
        while cursor.nextset():
            results += 1
        alone = [connection.execute(statement.text) for statement in split_statements(text)]
    assert len(alone) == results
    assert not any(cursor.nextset() for cursor in alone)


def test_an_excerpt_is_one_line_without_comments() -> None:
    (statement,) = split_statements("-- why\nselect 'a--b', -- the first\n    /* x */ 2 as \"c;\"\n;")
    assert statement.excerpt(80) == """select 'a--b', 2 as "c;\""""
    assert statement.excerpt(10) == "select 'a…"


OPEN = ["select 'open; select 2;", 'select "open; x', "select $$ open; x", "select (1; 2", "x /* ;"]


@pytest.mark.parametrize("text", OPEN)
def test_an_unclosed_quote_reaches_to_the_end(text: str) -> None:
    assert [statement.text for statement in split_statements(text)] == [text]


@given(st.text(alphabet="a1;'\"$-/*()\\\n Eé", max_size=60))
def test_nothing_but_space_and_comments_is_lost(text: str) -> None:
    """There is no code between two statements: splitting the rest finds nothing."""
    left, at = "", 0
    for statement in split_statements(text):
        assert statement.start >= at
        left += text[at : statement.start] + "\n"
        at = statement.start + len(statement.text)
    assert split_statements(left + text[at:]) == []


def test_our_own_scripts_are_cut_at_line_ends() -> None:
    """Our own statements begin at the margin, so a wrong split would show."""
    scripts = sorted(SQL_ROOT.rglob("*.sql"))
    assert scripts
    for script in scripts:
        text = script.read_text(encoding="utf-8")
        for statement in split_statements(text):
            before = text[: statement.start]
            assert before == "" or before.endswith("\n"), f"{script}, line {statement.line}"
            assert statement.excerpt(12) == statement.excerpt(12).strip()
