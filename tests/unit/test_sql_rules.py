"""SQL that ``validate`` refuses, compared with what a real server does with it in a run's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from billing_aggregator.sql.rules import query_problem, text_problems
from billing_aggregator.sql.runner import StatementError, run_script
from billing_aggregator.sql.statements import as_query, split_statements
from tests.conftest import SQL_ROOT

if TYPE_CHECKING:
    from billing_aggregator.local.postgres import EmbeddedPostgres

ONE = "cannot stand in a script, which is one transaction; remove it"
PSQL = "is a command of psql, which the server does not know; write SQL instead"
VARIABLE = "is a variable of psql, which the server does not know; see current_setting()"
COPY = "COPY ... FROM STDIN waits for data that a script cannot send; write INSERT ... VALUES"
BLOCK = "cannot stand in a block of a script, which is one transaction; remove it"
TABLE = "create temp table x (a int);\n"

# Text -> line and beginning of the problem.
REFUSED: dict[str, list[tuple[int, str]]] = {
    **{f"{command};": [(1, f"{command} {ONE}")] for command in (
        "begin", "Begin", "start transaction", "commit", "COMMIT", "end", "abort", "rollback", "vacuum", "cluster",
        "discard all",
    )},
    **{f"select 1;\n{command} {more};": [(2, f"{command} {ONE}")] for command, more in (
        ("begin", "work"), ("begin", "transaction isolation level serializable"), ("commit", "and chain"),
        ("commit", "work"), ("commit prepared", "'x'"), ("rollback", "work"), ("rollback", "and no chain"),
        ("rollback prepared", "'x'"), ("abort", "transaction"), ("end", "work"), ("prepare transaction", "'x'"),
        ("set transaction", "isolation level serializable"),
        ("set session characteristics", "as transaction read only"),
        ("set local transaction_isolation", "= 'serializable'"), ("create database", "y"), ("drop database", "y"),
        ("create tablespace", "y location '/'"), ("alter system", "set work_mem = '1MB'"), ("reindex database", "y"),
        ("reindex (verbose) schema", "public"), ("vacuum", "(analyze) pg_class"), ("cluster verbose", ""),
    )},
    f"{TABLE}create index\n  concurrently on x (a);": [(2, f"create index concurrently {ONE}")],
    f"{TABLE}CREATE UNIQUE INDEX -- why\nconcurrently i on x (a);": [(2, f"CREATE UNIQUE INDEX concurrently {ONE}")],
    "drop index concurrently if exists y;": [(1, f"drop index concurrently {ONE}")],
    "reindex table concurrently pg_class;": [(1, f"reindex table concurrently {ONE}")],
    "reindex (concurrently) table pg_class;": [(1, f"reindex (concurrently) {ONE}")],
    "/* a /* b */ */ start -- c\n  transaction;": [(1, f"start transaction {ONE}")],
    "select 1; rollback to savepoint a; /* x */\ncommit": [(2, f"commit {ONE}")],
    "\\i other.sql\nselect 1;": [(1, f"\\i {PSQL}")],
    "select 1;\n  \\set x 'it''s\n\\restrict abc\nselect 1 \\gset\n\\copy x from 'y'": [
        (2, f"\\set {PSQL}"), (3, f"\\restrict {PSQL}"), (4, f"\\gset {PSQL}"), (5, f"\\copy {PSQL}"),
    ],
    "\\echo it's\ncommit;": [(1, f"\\echo {PSQL}"), (2, f"commit {ONE}")],
    "select :x, 1;\nselect :'y' || :\"z\";": [(1, f":x {VARIABLE}"), (2, f':"z" {VARIABLE}'), (2, f":'y' {VARIABLE}")],
    f"{TABLE}copy x from stdin;\n1\n\\.\nabort;": [(2, COPY), (5, f"abort {ONE}")],
    f"{TABLE}COPY x (a) FROM STDIN WITH (format csv);\n'it''s; commit\n\\.\nselect 1;\n": [(2, COPY)],
    f"\\set a 1\n{TABLE}\\restrict abc\ncopy x from stdin;\n1\n\\.\nabort;\n\\unrestrict abc\ncommit;": [
        (1, f"\\set {PSQL}"), (3, f"\\restrict {PSQL}"), (4, COPY), (7, f"abort {ONE}"), (8, f"\\unrestrict {PSQL}"),
        (9, f"commit {ONE}"),
    ],
    "copy (select 1) to stdout;": [(1, "COPY ... TO STDOUT has nobody to receive it in a script; write an export")],
    "do $$ begin\n  perform 1;\n  commit;\nend $$;": [(3, f"commit {BLOCK}")],
    "do language plpgsql $x$ begin if true then\nROLLBACK; end if; end $x$;": [(2, f"ROLLBACK {BLOCK}")],
}  # fmt: skip

ALLOWED = [
    "select 'commit;', $$ begin; $$, E'\\\\', '\\i x', 1 as \"abort;\" -- commit;\n/* \\set */;",
    "select case when true then 1 end as end, 1 as commit;",
    "savepoint a; release savepoint a; savepoint b; rollback to savepoint b; rollback to b;",
    "set local work_mem = '1MB'; set time zone 'UTC';",
    "select '{1,2,3}'::int[], (array[1, 2, 3])[1:2], '1'::text;",
    "do $$ begin perform 1; raise notice 'commit;'; exception when others then raise; end $$;",
    "create or replace procedure pg_temp.p() language plpgsql as $$ begin commit; end $$;",
    "create or replace function pg_temp.f() returns int language sql begin atomic select 1; select 2; end;",
    "create temp table c (a int, b text); cluster pg_class using pg_class_oid_index; analyze c;",
    "create temp table d (a int); notify y; reindex table d; lock table d;",
    "create type pg_temp.e as enum ('a'); alter type pg_temp.e add value 'commit'; drop table if exists commit;",
    "select to_char(now(), 'HH24:MI:SS'), make_interval(hours := 1);",
]


@pytest.mark.parametrize("text", REFUSED)
def test_a_statement_that_cannot_work_is_reported_with_its_line(text: str) -> None:
    assert [(problem.line, problem.text) for problem in text_problems(text)] == REFUSED[text]


# The server accepts these, which is worse: they end the run's transaction, or have no effect without an error.
TAKEN = {"begin", "start", "commit", "end", "abort", "rollback", "set"}


@pytest.mark.parametrize("text", [text for text in REFUSED if REFUSED[text][0][1].split()[0].lower() not in TAKEN])
def test_the_server_refuses_the_same_statements(text: str, postgres: EmbeddedPostgres) -> None:
    connection = psycopg.connect(postgres.dsn())
    try:
        with pytest.raises(StatementError):
            run_script(connection, text, {"client": "x"})
    finally:
        connection.close()


@pytest.mark.parametrize("text", ALLOWED)
def test_a_statement_that_works_is_not_reported(text: str, postgres: EmbeddedPostgres) -> None:
    assert text_problems(text) == []
    with psycopg.connect(postgres.dsn()) as connection:
        run_script(connection, text)


def test_our_own_files_have_no_problems() -> None:
    for path in SQL_ROOT.rglob("*.sql"):
        assert text_problems(path.read_text(encoding="utf-8")) == [], path


QUERIES = {
    "select 1": None,
    "(select 1) union all (select 2);": None,
    "with a as (select 1) select * from a": None,
    "table pg_class": None,
    "values (1)": None,
    "select 'as (delete'": None,
    "select 1; -- done": None,
    "": "one query: SELECT ..., without further statements",
    "select 1; select 2": "one query: SELECT ..., without further statements",
    "delete from x": "one query: SELECT ..., without further statements",
    "explain select 1": "one query: SELECT ..., without further statements",
    "with a as materialized ( /* x */ Delete from x returning 1) select * from a": "one query that only reads, without",
}


@pytest.mark.parametrize("text", QUERIES)
def test_one_query_that_only_reads(text: str) -> None:
    problem, wanted = query_problem(split_statements(text)), QUERIES[text]
    assert problem is None if wanted is None else str(problem).startswith(wanted)


@pytest.mark.parametrize(
    "text", ["select 1 as a;", "select 1 as a ;; -- it's done;\n", "select 1 as a -- x;", "(select 1 as a);"]
)
def test_what_validate_accepts_as_one_query_can_be_a_subquery(text: str, postgres: EmbeddedPostgres) -> None:
    assert query_problem(split_statements(text)) is None
    with psycopg.connect(postgres.dsn()) as connection:
        query = f"with one as (\n{as_query(text)}\n) select a from one"
        assert connection.execute(query.encode()).fetchall() == [(1,)]
