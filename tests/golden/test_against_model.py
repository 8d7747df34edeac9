"""The SQL and the plain model of the specification give the same rows, on the sample and on changed samples."""

from __future__ import annotations

import csv
from collections import Counter
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from benchmarks.vault import create_vault
from tests.conftest import ROOT
from tests.golden.differential import ZONES, Both, compare_sides
from tests.golden.fuzzing.changes import changes
from tests.golden.fuzzing.values import AS_OF
from tests.golden.model import the_list
from tests.golden.model.rows import COLUMNS, VIEW_COLUMNS
from tests.golden.model.vault import read_vault

if TYPE_CHECKING:
    from billing_aggregator.local.postgres import EmbeddedPostgres

EXPECTED = ROOT / "tests" / "golden" / "expected"
CLIENTS = {
    "enercity": "expected_oibl_customer.csv",
    "purpur-energy": "expected_oibl_customer.client_without_folder.csv",
}
SEEDS = range(8)
CHANGES = 120
GENERATED_CHARGES = 2000
CHARGE = "datalake_vault.applied_billing_charge"


@pytest.fixture(scope="module")
def both(postgres: EmbeddedPostgres, sample_template: str) -> Both:
    return Both(postgres, sample_template)


@pytest.mark.parametrize(("client", "file"), CLIENTS.items())
def test_model_gives_expected_list(warehouse: psycopg.Connection[Any], client: str, file: str) -> None:
    shown = [COLUMNS.index(column) for column in VIEW_COLUMNS]
    rows = [row.texts() for row in the_list(read_vault(warehouse), client, AS_OF)]
    # The csv module reads NULL and empty text as the same; the SQL's own test tells them apart.
    actual = Counter(tuple(row[place] or "" for place in shown) for row in rows)
    with (EXPECTED / file).open(encoding="utf-8", newline="") as lines:
        header, *expected = map(tuple, csv.reader(lines))
    assert header == VIEW_COLUMNS
    assert actual == Counter(expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_both_sides_agree_on_a_changed_sample(both: Both, seed: int) -> None:
    """Reproduce and reduce: ``python -m tests.golden.fuzz --first <seed> --seeds 1 --changes 120``."""
    with psycopg.connect(both.server.dsn(both.template)) as connection:
        statements = changes(connection, seed, CHANGES)
    difference = both.differ(statements, list(CLIENTS)[seed // len(ZONES) % 2], ZONES[seed % len(ZONES)])
    assert not difference, str(difference)


CASES = {
    "tax reference beyond bigint is skipped, its line stays (D6)": [
        "update bookkeeper_vault.transaction_item_taxes set external_reference = '99999999999999999999' where uuid = "
        "(select uuid from bookkeeper_vault.transaction_item_taxes order by uuid limit 1)",
    ],
    "tax reference that is no number is skipped, its line stays (D6)": [
        "update bookkeeper_vault.transaction_item_taxes set external_reference = '12a'",
    ],
    "pieces of a write-off that are no numbers are skipped (D6)": [
        'update datalake_vault.product set characteristics = characteristics || \'{"CHARGES_OUIDS": '
        '"600000222, 600000223,600000224 , 600000225 ,,12a34,12.5,99999999999999999999"}\' '
        "where name like '%ACTCHARGESCANCELLATION%'",
    ],
    "a newer lock without creation instant hides a valid one (D10)": [
        "update dunninglock_vault.dunning_locks set created_at = null, deleted = true where id = "
        "(select id from dunninglock_vault.dunning_locks where expires_at > '2090-01-01' order by id limit 1)",
    ],
    "no dunning case at all: locks are lost too (D9)": ["delete from receivablemanagement_vault.case_receivables"],
    "empty and shared aggregate ids": [
        f"update {CHARGE} set aggregateid = '' where ouid % 7 = 0",
        f"update {CHARGE} set aggregateid = (select max(aggregateid) from {CHARGE}) where ouid % 11 = 0",
    ],
    "manual consumption from before the cut-off finds the bill id of its transaction": [
        f"update {CHARGE} set datetimelastmodif = '2019-07-01T00:00:00Z' where glid like '%\\_MANUAL\\_CONSUMPTION' "
        "and ouid % 2 = 0",
        f"update {CHARGE} set transactionid = (select min(transactionid) from {CHARGE} "
        "where datetimelastmodif = '2019-07-01T00:00:00Z') where ouid between 600000001 and 600000020",
    ],
    "split dates that tie: the earliest due date of those present": [
        "insert into datalake_vault.billing_account_balance (ouid, status, datetimelastmodif, startdatetime, amount, "
        "transactionid, billingaccountouid) select 990000000 + ouid * 2 + number, status, '2024-01-31T23:00:00Z', "
        "case when status = 'DUE' then '2022-01-31T23:00:00Z'::timestamptz end, taxincludedamount, transactionid, "
        f"billingaccountouid from {CHARGE} cross join (values (1, 'DUE'), (2, 'DUEX')) as added (number, status) "
        "where aggregateid is null",
    ],
    "glids and axes without value": [
        f"update {CHARGE} set glid = null where ouid % 13 = 0",
        f"update {CHARGE} set analyticaxis = null where ouid % 5 = 0",
    ],
    "two logins and two relationships for everybody": [
        "insert into datalake_vault.login select ouid - 1000000, customerouid, 'second-' || ouid "
        "from datalake_vault.login",
        "insert into datalake_vault.billing_account_relationship select ouid + 1000000, billingaccountouid, "
        "(select max(targetbillingaccountouid) from datalake_vault.billing_account_relationship) "
        "from datalake_vault.billing_account_relationship",
    ],
}


@pytest.mark.parametrize("statements", CASES.values(), ids=list(CASES))
def test_both_sides_agree_on_a_rare_case(both: Both, statements: list[str]) -> None:
    difference = both.differ(statements)
    assert not difference, str(difference)


def test_both_sides_agree_on_a_generated_vault(postgres: EmbeddedPostgres, both: Both) -> None:
    database = "octopus_generated"
    create_vault(postgres, database, GENERATED_CHARGES)
    try:
        difference = compare_sides(postgres, database, "enercity", "UTC")
        assert not difference, str(difference)
    finally:
        both.drop(database)


def test_a_difference_is_seen(both: Both) -> None:
    """The comparison can fail: a model of another client has other ledger accounts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.golden.differential.the_list", lambda vault, _, as_of: the_list(vault, "q-cells", as_of))
        difference = both.differ([], "enercity")
    assert "booking_mainledger_account: expected 'tax code: " in str(difference)
    assert len(difference.missing) == len(difference.extra)
