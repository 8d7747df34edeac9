"""What columns are called, what they are made of and what their values are called is part of the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing_aggregator.export.errors import ExportSourceChangedError
from billing_aggregator.export.plan.planner import Export

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.exporting import Lab

TABLE = Export("typed", table=("shop", "typed"))
VIEW = Export("typed", query="select id, net, state from shop.typed_view")
FROZEN = Export("typed", query="select id + 0 as id, state, states, box, old, pair, years from shop.typed")
RENAME = "alter type shop.state rename value 'paid' to 'settled'"
SWAP = [
    "alter table shop.typed rename net to x",
    "alter table shop.typed rename gross to net",
    "alter table shop.typed rename x to gross",
]
BACK = "alter type shop.state rename value 'settled' to 'paid'"
VIEW_SWAP = "create or replace view shop.typed_view as select id, gross as net, state from shop.typed"
CHANGES = {
    "columns swap their names": (TABLE, SWAP),
    "a column gets another name": (TABLE, ["alter table shop.typed rename net to netto"]),
    "a column is dropped": (TABLE, ["alter table shop.typed drop code"]),
    "a column is there anew": (
        TABLE,
        ["alter table shop.typed drop code", "alter table shop.typed add code varchar(10)"],
    ),
    "digits change": (TABLE, ["alter table shop.typed alter code type varchar(20)"]),
    "another type, the same values": (TABLE, ["alter table shop.typed alter code type text"]),
    "generated in another way": (
        TABLE,
        ["alter table shop.typed drop tax", "alter table shop.typed add tax numeric generated always as (net) stored"],
    ),
    "a label": (TABLE, [RENAME]),
    "a label, and back": (TABLE, [RENAME, BACK]),
    "a label in an array, a composite, a domain, a range": (
        Export("typed", query="select states, box, old, years from shop.typed"),
        [RENAME],
    ),
    "a label of a frozen copy": (FROZEN, [RENAME]),
    "a composite": (TABLE, ["alter type shop.pair add attribute c int", "alter type shop.pair drop attribute a"]),
    "a row type": (TABLE, ["alter table shop.boxed add extra int"]),
    "a view on the way": (VIEW, [VIEW_SWAP]),
    "the table below a view": (VIEW, SWAP),
    "row security": (TABLE, ["alter table shop.typed enable row level security"]),
}


@pytest.fixture
def typed(new_lab: Callable[..., Lab]) -> Lab:
    lab = new_lab(kind="file", max_rows_per_file=3)
    lab.sql(
        "drop schema if exists shop cascade",
        "create schema shop",
        "create type shop.state as enum ('open', 'paid')",
        "create domain shop.old_state as shop.state",
        "create type shop.pair as (a int, b shop.state)",
        "create table shop.boxed (s shop.state[])",
        "create type shop.span as range (subtype = shop.state)",
        """
        create table shop.typed (
            id int, net numeric, gross numeric, tax numeric generated always as (gross - net) stored,
            code varchar(10), state shop.state, states shop.state[], box shop.boxed, old shop.old_state,
            pair shop.pair, years shop.span
        )
        """,
        """
        insert into shop.typed (id, net, gross, code, state, states, box, old, pair, years)
        select g, g, g * 2, 'x', 'paid', '{paid}', '({paid})', 'paid', '(1,paid)', '[open,paid]'
        from generate_series(1, 6) g
        """,
        "create view shop.typed_view as select id, net, state from shop.typed",
    )
    return lab


@pytest.mark.parametrize(("export", "change"), CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("when", ["between chunks", "before publication"])
def test_a_changed_definition_is_noticed(typed: Lab, export: Export, change: list[str], when: str) -> None:
    plan = typed.plan(typed.run(), export)
    assert len(plan.chunks) == 2
    states = typed.chunks(plan, [0] if when == "between chunks" else None)
    typed.sql(*change)
    if when == "between chunks":
        with pytest.raises(ExportSourceChangedError, match=r"(altered|rebuilt) after the export was planned"):
            typed.chunks(plan, [1])
    else:
        with pytest.raises(ExportSourceChangedError, match=r"(altered|rebuilt) after the export was planned"):
            typed.publish([plan], states)


def test_what_does_not_touch_the_text_is_no_change(typed: Lab) -> None:
    plan = typed.plan(typed.run(), TABLE)
    typed.sql(
        "alter table shop.boxed rename s to renamed",
        "alter type shop.pair rename attribute a to first",
        "alter domain shop.old_state add check (value is not null)",
        "create or replace view shop.typed_view as select id, net, state from shop.typed where id > 3",
    )
    typed.publish([plan], typed.chunks(plan))
    plan = typed.plan(typed.run(), VIEW)
    typed.sql("create or replace view shop.typed_view as select id, net, state from shop.typed where id > 3")
    states = typed.chunks(plan)
    typed.sql("create or replace view shop.typed_view as select id, net, state from shop.typed")
    typed.publish([plan], states)


def test_what_depends_on_other_objects_is_frozen_as_text(typed: Lab) -> None:
    typed.sql(
        "create table shop.named as select 'shop.typed'::regclass as r, array['shop.boxed'::regclass] as rs, 1 as one",
        "alter role postgres set search_path = shop",
    )
    try:
        plan = typed.plan(typed.run(), Export("named", table=("shop", "named")))
        assert plan.source.staging
        typed.sql("alter table shop.typed rename to other", "alter table shop.boxed rename to others")
        typed.publish([plan], typed.chunks(plan))
        assert typed.csv("named") == [b"r,rs,one\nshop.typed,{shop.boxed},1\n"]
        plan = typed.plan(typed.run(), Export("one", query="select one from shop.named"))
        assert not plan.source.staging
    finally:
        typed.sql("alter role postgres reset search_path")


def test_virtual_columns_are_frozen(typed: Lab) -> None:
    """Their values change with a function, without a change of the table."""
    kind = "virtual" if typed.value("select current_setting('server_version_num')::int >= 180000") else "stored"
    typed.sql(f"create table shop.tax (id int, doubled int generated always as (id * 2) {kind})")
    typed.sql("insert into shop.tax values (4)")
    plan = typed.plan(typed.run(), Export("tax", table=("shop", "tax")))
    assert plan.source.staging == (kind == "virtual")
    assert not typed.plan(typed.run(), Export("id", query="select id from shop.tax")).source.staging
    states = typed.chunks(plan)
    if kind == "virtual":
        typed.sql("alter table shop.tax alter doubled set expression as (id * 3)")
    typed.publish([plan], states)
    assert typed.csv("tax") == [b"id,doubled\n4,8\n"]
