"""Several sessions write at random while a table is exported: what is published is one committed state, the plan's.

A failure names its seed. Sessions act one after the other, so a seed always does the same.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import psycopg
import pytest

from billing_aggregator.export.errors import ExportError, ExportSourceChangedError, RowCountError
from billing_aggregator.export.plan.planner import Export
from billing_aggregator.export.store.factory import open_store
from billing_aggregator.local.postgres import EmbeddedPostgres
from tests.exporting import Lab
from tests.integration.export.random_writers import build, closing_others

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing_aggregator.local.s3 import LocalS3

ROUNDS = 200
ON_S3 = 10
OLDER = 0.3
LATE = 0.5
SOURCES = [
    Export("book", table=("shop", "book")),
    Export("book", query="select id, amount from shop.book_view"),
    Export("book", query="select id, amount + 0 as amount from shop.book"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    wanted = os.environ.get("BDA_TEST_PG_VERSION")
    with EmbeddedPostgres(int(wanted) if wanted else None, {"max_prepared_transactions": "10"}) as started:
        with psycopg.connect(started.dsn(), autocommit=True) as admin:
            admin.execute("create schema shop; create schema report_oibl; create table shop.other (a int)")
        yield started


def one_round(lab: Lab, seed: int) -> str:
    """Export while others write; return ``published`` or ``refused``, whichever was right."""
    chance = random.Random(seed)  # noqa: S311 - no secret: the same seed does the same
    options = lab.options.model_validate({"max_rows_per_file": chance.choice([10, 20, 1000, 1000])})
    refused: ExportError | None = None
    with closing_others(lab, chance) as others:
        if chance.random() < OLDER:
            others.touch()
        build(lab, chance)
        others.act(8)
        if chance.random() < LATE:
            lab.sql("insert into shop.other values (2)")  # a later id than all of theirs
        plan = lab.plan(lab.run(), chance.choice(SOURCES), options)
        planned = others.state()
        others.seen[:] = [planned.versions]
        try:
            states = []
            for chunk in plan.chunks:
                others.act(chance.choice([0, 2]))
                states += lab.chunks(plan, [chunk.index])
            others.act(3)
            if chance.random() < LATE:
                others.commit()
            lab.publish([plan], states)
        except (ExportSourceChangedError, RowCountError) as error:
            refused = error
    if refused is not None:
        assert len(set(others.seen)) > 1, f"seed {seed}: refused without a change: {refused}"
        assert not plan.source.staging, f"seed {seed}: a frozen copy cannot change: {refused}"
        return "refused"
    published = lab.manifest().exports["book"]
    files = "".join(text.decode().removeprefix("id,amount\n") for text in lab.csv("book"))
    found = (published.rows, published.control_totals["amount"], files.rstrip("\n"))
    assert found == (planned.rows, planned.total, planned.csv), f"seed {seed}"
    if not plan.source.staging and others.seen[-1] != planned.versions:
        raise AssertionError(f"seed {seed}: published although rows had changed")
    return "published"


@pytest.mark.parametrize("kind", ["file", "s3"])
def test_what_is_published_is_one_committed_state(
    kind: str, server: EmbeddedPostgres, s3_server: LocalS3, bucket: str, tmp_path: Path
) -> None:
    target = f"s3://{bucket}" if kind == "s3" else (tmp_path / "out").as_uri()
    seeds = range(ROUNDS - ON_S3, ROUNDS) if kind == "s3" else range(ROUNDS - ON_S3)
    lab = Lab(server.dsn(), "psycopg", open_store(target, s3_server.client), target)
    ends = [one_round(lab, seed) for seed in seeds]
    if kind == "file":
        assert min(ends.count("published"), ends.count("refused")) > ROUNDS / 5, (
            "the writers did too much or too little"
        )
