"""The manifest's version 2: types, nullability and meanings; what knows version 1 alone still reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.export.errors import ManifestError
from billing_aggregator.export.manifest import parse_manifest
from billing_aggregator.export.plan.planner import Export
from billing_aggregator.export.plan.source import Source
from billing_aggregator.export.reader import check_publication
from tests.integration.export.book import BOOK, fill

if TYPE_CHECKING:
    from tests.exporting import Lab


def details(lab: Lab, export: Export) -> dict[str, tuple[str, bool, str]]:
    lab.whole_run([export])
    found = lab.manifest().exports[export.name].column_details
    return {column.name: (column.type, column.nullable, column.description) for column in found}


def typed(lab: Lab) -> None:
    lab.sql(
        "drop table if exists typed cascade; drop type if exists typed_mood",
        "create type typed_mood as enum ('ok', 'bad')",
        """create table typed (id bigint primary key, amount numeric(20, 2) not null, word varchar(12), free varchar,
            at timestamptz(3), day date, moods typed_mood[], plain numeric, "Ä ""x"" y" char(3))""",
        "comment on column typed.amount is 'what is due, in euros: ''gross'''",
        "insert into typed (id, amount) values (1, 2)",
    )


def test_a_table_has_the_catalogues_types(lab: Lab) -> None:
    typed(lab)
    assert details(lab, Export("typed", table=("public", "typed"))) == {
        "id": ("bigint", False, ""),
        "amount": ("numeric(20,2)", False, "what is due, in euros: 'gross'"),
        "word": ("character varying(12)", True, ""),
        "free": ("character varying", True, ""),
        "at": ("timestamp(3) with time zone", True, ""),
        "day": ("date", True, ""),
        "moods": ("typed_mood[]", True, ""),
        "plain": ("numeric", True, ""),
        'Ä "x" y': ("character(3)", True, ""),
    }


def test_columns_of_a_query_mean_what_their_tables_say(lab: Lab) -> None:
    typed(lab)
    projected = Export("top", query="select amount as due, id from typed")
    assert details(lab, projected) == {
        "due": ("numeric(20,2)", False, "what is due, in euros: 'gross'"),
        "id": ("bigint", False, ""),
    }
    # An outer join makes nulls of a column that its table declares not null; a frozen query promises nothing.
    query = "select b.amount, a.id + 1 as next from typed a left join typed b on b.id = a.id + 1"
    frozen = Export("joined", query=query)
    assert details(lab, frozen) == {
        "amount": ("numeric(20,2)", True, "what is due, in euros: 'gross'"),
        "next": ("bigint", True, ""),
    }


def version_1(lab: Lab) -> dict[str, Any]:
    """Return the published manifest as version 1 would have written it."""
    manifest: dict[str, Any] = lab.manifest().to_json() | {"schema_version": 1}
    for export in manifest["exports"].values():
        del export["column_details"]
    return manifest


def test_both_versions_are_read_and_others_are_refused(lab: Lab) -> None:
    fill(lab, 50)
    lab.whole_run([BOOK])
    old = version_1(lab)
    read = parse_manifest(json.dumps(old).encode(), "here")
    assert (read.schema_version, read.exports["book"].column_details) == (1, [])
    check_publication(lab.store, read)
    with pytest.raises(ManifestError, match="here has schema version 3; this code knows 1 and 2"):
        parse_manifest(json.dumps(old | {"schema_version": 3}).encode(), "here")


def test_version_2_has_all_that_a_reader_of_version_1_looks_for(lab: Lab) -> None:
    fill(lab, 50)
    lab.whole_run([BOOK])
    new, old = lab.manifest().to_json(), version_1(lab)
    assert new["schema_version"] == 2
    for name, export in old["exports"].items():
        assert export.items() <= new["exports"][name].items(), "what version 1 says, version 2 says in the same words"


def test_a_publication_goes_on_from_a_manifest_of_version_1(lab: Lab) -> None:
    fill(lab, 50)
    lab.whole_run([BOOK])
    found = lab.store.read("enercity/prod/_manifest.json")
    assert found is not None
    lab.store.put_if("enercity/prod/_manifest.json", json.dumps(version_1(lab)).encode(), found.etag)
    other = Export("other", table=("public", "book"))
    run = lab.run()
    plan = lab.plan(run, other)
    lab.publish([plan], lab.chunks(plan), keep=["book"])
    exports = lab.manifest().exports
    assert (exports["book"].column_details, exports["book"].kept_from is not None) == ([], True)
    assert exports["other"].column_details
    check_publication(lab.store, lab.manifest())


def test_a_plan_that_an_earlier_version_has_made_is_published_without_types(lab: Lab) -> None:
    fill(lab, 50)
    plan = lab.plan(lab.run(), BOOK)
    values = plan.to_json()
    for column in values["source"]["columns"]:
        for name in ("type", "nullable", "description"):
            del column[name]
    old = type(plan).from_json(values)
    assert old.source == Source.from_json(values["source"])
    lab.publish([old], lab.chunks(old))
    assert lab.manifest().exports["book"].column_details == []
