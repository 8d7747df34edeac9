"""Mutation proof: each named mistake in the SQL (mutations.toml) shows in the comparison with the expected rows.

A mutation runs in one transaction on a prepared warehouse: the mutated script and those after it, then the comparison,
then rollback. What the sample does not show must show in the extra scenarios of extra_vault.sql. ``make test`` runs a
spread subset; ALL_MUTATIONS=1 (``make mutation``) runs all and writes the counts to ``build/mutations.json``.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from billing_aggregator.sql.runner import set_local
from billing_aggregator.sql.scripts import Script, find_scripts
from tests.conftest import ROOT, SQL_ROOT
from tests.golden.build import SYSTEMS, run_phases
from tests.golden.compare import compare, load_expected
from tests.golden.test_extra import load_extra_expected, plant_extra_scenarios

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing_aggregator.local.postgres import EmbeddedPostgres

CLIENT = "enercity"
GOLDEN = ROOT / "tests" / "golden"
SPREAD = 12
SETTINGS = {"client": CLIENT, "business_date": "2026-11-20", "as_of": "2026-11-20", "run_id": "mutation"}
# Tables as the unbroken scripts make them: equal to the model of test_journal.py, the dunning status to test_extra.py.
UNBROKEN = ("new_bookkeeper_results", "base_data_bbtax", "base_data_bbkpf", "base_data_dunning")


@dataclass(frozen=True)
class Mutation:
    """One mistake: see mutations.toml."""

    rule: str
    script: str
    old: str
    new: str

    def apply(self, text: str) -> str:
        """Return the mutated script; the text to replace must occur exactly once."""
        assert text.count(self.old) == 1, f"{self.rule}: the text to replace is not once in {self.script}"
        return text.replace(self.old, self.new)


def read_mutations() -> list[Mutation]:
    with (GOLDEN / "mutations.toml").open("rb") as file:
        return [Mutation(**entry) for entry in tomllib.load(file)["mutation"]]


def chosen() -> list[Mutation]:
    """Return all mutations, or the first of each section and every twelfth of the others."""
    mutations = read_mutations()
    if os.environ.get("ALL_MUTATIONS"):
        return mutations
    first = {mutation.rule.split(" ")[0]: mutation for mutation in reversed(mutations)}
    return [m for number, m in enumerate(mutations) if number % SPREAD == 0 or m is first[m.rule.split(" ")[0]]]


@dataclass(frozen=True)
class Prepared:
    """A warehouse after the unbroken init scripts, and its scripts in order."""

    connection: psycopg.Connection[Any]
    scripts: list[Script]
    columns: tuple[str, ...]

    def outcome(self, mutation: Mutation) -> str:
        """Run the mutated script and those after it, undo all, and say where the mistake shows: empty if nowhere."""
        names = [script.relative.split("/")[1] + "/" + script.name for script in self.scripts]
        start = names.index(mutation.script)
        try:
            with self.connection.cursor() as cursor:
                set_local(cursor, SETTINGS)
                cursor.execute(mutation.apply(self.scripts[start].read()))
                for script in self.scripts[start + 1 :]:
                    cursor.execute(script.read())
            return self._difference()
        finally:
            self.connection.rollback()

    def _difference(self) -> str:
        if compare(self.connection, "report_oibl.new_tripica_results", "expected", self.columns):
            return "list"
        for table in UNBROKEN:
            columns = tuple(
                c.name for c in self.connection.execute(f"select * from report_oibl.{table} limit 0").description or ()
            )
            if compare(self.connection, f"report_oibl.{table}", f"unbroken_{table}", columns):
                return table
        return ""


def prepare(postgres: EmbeddedPostgres, database: str, *, extra: bool) -> Prepared:
    if extra:
        plant_extra_scenarios(postgres, database)
    connection = psycopg.connect(postgres.dsn(database, "billing_aggregator"))
    run_phases(connection, SQL_ROOT, CLIENT, "init", settings=SETTINGS)
    if extra:
        columns = load_extra_expected(connection)
    else:
        columns = load_expected(connection, GOLDEN / "expected" / "expected_oibl_customer.csv", "expected")
    for table in UNBROKEN:
        described = connection.execute(f"select * from report_oibl.{table} limit 0").description or []
        fields = ", ".join(f"{column.name}::text" for column in described)
        connection.execute(f"create temporary table unbroken_{table} as select {fields} from report_oibl.{table}")
    connection.commit()
    scripts = [script for system in SYSTEMS for script in find_scripts(SQL_ROOT, "init", system, CLIENT)]
    return Prepared(connection, scripts, columns)


@pytest.fixture(scope="module")
def sample(postgres: EmbeddedPostgres, new_warehouse: Callable[[], str]) -> Iterator[Prepared]:
    prepared = prepare(postgres, new_warehouse(), extra=False)
    yield prepared
    prepared.connection.close()


@pytest.fixture(scope="module")
def extra(postgres: EmbeddedPostgres, new_warehouse: Callable[[], str]) -> Iterator[Prepared]:
    prepared = prepare(postgres, new_warehouse(), extra=True)
    yield prepared
    prepared.connection.close()


@pytest.fixture(scope="module")
def outcomes() -> Iterator[dict[str, str]]:
    """Where each mutation showed; written to a report when all ran."""
    found: dict[str, str] = {}
    yield found
    if os.environ.get("ALL_MUTATIONS"):
        write_counts(found)


def write_counts(outcomes: dict[str, str]) -> None:
    """Write how many mutations were caught, and where, to ``build/mutations.json``."""
    report = ROOT / "build" / "mutations.json"
    report.parent.mkdir(exist_ok=True)
    counts = {
        "mutations": len(outcomes),
        "caught": sum(map(bool, outcomes.values())),
        "missed": sorted(rule for rule, where in outcomes.items() if not where),
        "seen_in": Counter(where for where in outcomes.values() if where),
        "by_section": Counter(rule.split(" ")[0] for rule in outcomes),
    }
    report.write_text(json.dumps(counts, indent=2) + "\n", encoding="utf-8")


def test_unbroken_scripts_show_nothing(sample: Prepared, extra: Prepared) -> None:
    same = Mutation("none", "bookkeeper/030_journal_items", "-- Purpose: the posting", "-- Purpose: the posting")
    assert sample.outcome(same) == ""
    assert extra.outcome(same) == ""


@pytest.mark.parametrize("mutation", chosen(), ids=lambda mutation: mutation.rule.replace(" ", "_"))
def test_mutation_is_caught(sample: Prepared, extra: Prepared, outcomes: dict[str, str], mutation: Mutation) -> None:
    where = sample.outcome(mutation)
    if not where:
        where = extra.outcome(mutation) and f"extra {extra.outcome(mutation)}"
    outcomes[mutation.rule] = where
    assert where, f"nothing notices: {mutation.rule} in {mutation.script}: {mutation.old!r} -> {mutation.new!r}"


def test_every_script_and_section_has_mutations() -> None:
    mutations = read_mutations()
    assert len(mutations) >= 100
    assert len({mutation.rule for mutation in mutations}) == len(mutations)
    mutated = {mutation.script for mutation in mutations}
    without_rules = {"bookkeeper/010_schema", "tripica/010_schema"}
    for system in SYSTEMS:
        for script in find_scripts(SQL_ROOT, "init", system, CLIENT):
            assert f"{system}/{script.name}" in mutated | without_rules
    for mutation in mutations:
        system, name = mutation.script.split("/")
        script = next(s for s in find_scripts(SQL_ROOT, "init", system, CLIENT) if s.name == name)
        mutation.apply(script.read())
