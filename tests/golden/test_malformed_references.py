"""Numbers in texts that are malformed or out of range are skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import SQL_ROOT
from tests.golden.build import run_phases

if TYPE_CHECKING:
    import psycopg

MALFORMED = [
    "",
    " ",
    "12a34",
    "12.5",
    "abc",
    "99999999999999999999",
    "9223372036854775808",
    "-",
    " 600000001 ",
    "1 2",
    "１２",
]


def test_malformed_charge_numbers_of_write_offs_are_skipped(
    warehouse: psycopg.Connection[Any], vault: psycopg.Connection[Any]
) -> None:
    pieces = ",".join([*MALFORMED, "600000001", " 600000002", "600000003 ", "\t600000004", "0600000005", ""])
    vault.execute(
        """
        insert into datalake_vault.product (ouid, name, orderdate, characteristics)
        values (1, 'ACTCHARGESCANCELLATION', '2025-12-31 23:30+00', jsonb_build_object('CHARGES_OUIDS', %s::text))
        """,
        [pieces],
    )
    vault.execute("insert into datalake_vault.product_order (ouid, state) values (1, 'COMPLETED')")
    vault.execute("insert into datalake_vault.order_item (ouid, productorderouid, product_ouid) values (1, 1, 1)")
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release")
    found = warehouse.execute(
        """
        select charge_ouid from report_oibl.base_data_write_offs where write_off_date = '2026-01-01' order by 1
        """
    ).fetchall()
    assert [row[0] for row in found] == [600000001, 600000002, 600000003, 600000004, 600000005]


@pytest.mark.parametrize("reference", ["", "x", "12x", "-", "1.5", "99999999999999999999", "9223372036854775808"])
def test_malformed_tax_references_are_skipped(
    warehouse: psycopg.Connection[Any], vault: psycopg.Connection[Any], reference: str
) -> None:
    ((uuid,),) = vault.execute("select uuid from bookkeeper_vault.transaction_item_taxes limit 1").fetchall()
    update = "update bookkeeper_vault.transaction_item_taxes set external_reference = %s where uuid = %s"
    vault.execute(update, [reference, uuid])
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release")
    lines = warehouse.execute("select count(*) from report_oibl.bookkeeper_results").fetchone()
    assert lines == (1013,)


def test_tax_references_at_the_border_of_bigint(
    warehouse: psycopg.Connection[Any], vault: psycopg.Connection[Any]
) -> None:
    query = "select uuid from bookkeeper_vault.transaction_item_taxes order by uuid limit 2"
    for (uuid,), text in zip(
        vault.execute(query).fetchall(), ["9223372036854775807", " 0000000000000000000012 "], strict=True
    ):
        vault.execute(
            "update bookkeeper_vault.transaction_item_taxes set external_reference = %s where uuid = %s", [text, uuid]
        )
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release")
    found = warehouse.execute("select distinct tax_aggregate_ouid from report_oibl.bookkeeper_results").fetchall()
    assert {(9223372036854775807,), (12,)} <= set(found)
