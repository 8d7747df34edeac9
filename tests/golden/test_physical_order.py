"""The list does not depend on the physical order of the vaults' rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.local.warehouse import VAULTS
from tests.conftest import SQL_ROOT
from tests.golden.build import RESULTS, run_phases

if TYPE_CHECKING:
    import psycopg


def as_csv(connection: psycopg.Connection[Any], table: str) -> bytes:
    """Return the table in its physical order, instants in UTC."""
    connection.execute("set timezone = 'UTC'")
    with connection.cursor().copy(f"copy report_oibl.{table} to stdout (format csv, header true)") as copy:
        return b"".join(bytes(block) for block in copy)


def shuffle(vault: psycopg.Connection[Any], seed: float) -> None:
    """Store every table of the vaults again, in a random physical order."""
    vault.execute("select setseed(%s)", [seed])
    tables = vault.execute(
        "select schemaname || '.' || tablename from pg_tables where schemaname = any(%s) order by 1", [list(VAULTS)]
    ).fetchall()
    assert len(tables) > 30
    for (table,) in tables:
        vault.execute(f"create temporary table copied as table {table}")
        vault.execute(f"truncate {table}")
        vault.execute(f"insert into {table} select * from copied order by random()")
        vault.execute("drop table copied")
    vault.execute("analyze")


@pytest.mark.parametrize("seed", [0.1, 0.7])
def test_physical_order_of_the_vault_does_not_matter(
    warehouse: psycopg.Connection[Any], vault: psycopg.Connection[Any], seed: float
) -> None:
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release", settings={"run_id": "first"})
    before = [as_csv(warehouse, table) for table in RESULTS]
    warehouse.commit()
    shuffle(vault, seed)
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release", settings={"run_id": "second"})
    assert [as_csv(warehouse, table) for table in RESULTS] == before


def test_ties_do_not_depend_on_physical_order(
    warehouse: psycopg.Connection[Any], vault: psycopg.Connection[Any]
) -> None:
    """Every tie of section 17 planted: the same bytes for several physical orders."""
    plant_ties(vault)
    files = set()
    for number, seed in enumerate((0.1, 0.3, 0.9)):
        shuffle(vault, seed)
        run_phases(warehouse, SQL_ROOT, "enercity", "init", "release", settings={"run_id": str(number)})
        files.add(tuple(as_csv(warehouse, table) for table in RESULTS))
        warehouse.commit()
    assert len(files) == 1


def plant_ties(vault: psycopg.Connection[Any]) -> None:
    plant_people(vault)
    plant_payments(vault)
    plant_charges(vault)


def plant_people(vault: psycopg.Connection[Any]) -> None:
    """Plant several logins, relationships, bills, claims, locks of one instant, notes."""
    vault.execute(
        """
        insert into datalake_vault.login (ouid, customerouid, externalid)
        select ouid + 1000000, customerouid, externalid || '-b' from datalake_vault.login;
        insert into datalake_vault.billing_account_relationship (ouid, billingaccountouid, targetbillingaccountouid)
        select relationship.ouid + 1000000, relationship.billingaccountouid, (
            select min(ouid) from datalake_vault.billing_account where ouid <> relationship.billingaccountouid
        ) from datalake_vault.billing_account_relationship as relationship;
        insert into receivablemanagement_vault.dunning_claims (
            id, case_receivable_id, dunning_claim_id, dunning_level, scenario
        )
        select gen_random_uuid(), case_receivable_id, gen_random_uuid(), dunning_level, scenario || ' b'
        from receivablemanagement_vault.dunning_claims;
        insert into dunninglock_vault.dunning_locks
        select gen_random_uuid(), mba, reason || ' b', deleted, expires_at, created_at, updated_at
        from dunninglock_vault.dunning_locks;
        insert into datalake_vault.note select ouid + 1000000, productorderouid, text || ' b' from datalake_vault.note;
        """
    )


def plant_payments(vault: psycopg.Connection[Any]) -> None:
    """Plant several products for one manual consumption, payment requests and balances of one transaction."""
    vault.execute(
        """
        insert into datalake_vault.product
        select ouid + 1000000, name, billingaccountouid, orderdate, startdatetime, enddatetime,
            characteristics || '{"billId": "other", "CANCELLATION_REASON": "other"}'
        from datalake_vault.product;
        insert into datalake_vault.order_item
        select ouid + 1000000, productorderouid, product_ouid + 1000000 from datalake_vault.order_item;
        insert into datalake_vault.payment_request
        select ouid + 1000000, transactionid, status, bpmeventname, daterequest + interval '1 day',
            datelastchangestatus + interval '1 day', datetimelastmodif from datalake_vault.payment_request;
        insert into datalake_vault.payment_item
        select ouid + 1000000, paymentouid + 1000000, referredouid, referredtype, amount
        from datalake_vault.payment_item;
        insert into datalake_vault.billing_account_balance
        select ouid + 1000000, datetimecreate, datetimelastmodif + interval '1 day', billingaccountouid, transactionid,
            case status when 'DUE' then 'DUE_LETTERED' else status end, amount, startdatetime + interval '1 day',
            letteringdate + interval '1 day', aggregateid, accountingid
        from datalake_vault.billing_account_balance;
        """
    )


def plant_charges(vault: psycopg.Connection[Any]) -> None:
    """Plant a second charge of each transaction, pointing at another parent too."""
    vault.execute(
        """
        insert into datalake_vault.applied_billing_charge
        select ouid + 1000000, datetimecreate + interval '1 day', datetimelastmodif, customerouid, billingaccountouid,
            settlementnoteadviceouid, transactionid, glid, analyticaxis, productname, startdatetime, enddatetime,
            taxexcludedamount, taxincludedamount, aggregateid, accountingid,
            case when characteristics ? 'rejectedChargeTransactionId' then
                jsonb_build_object(
                    'rejectedChargeTransactionId', 'xa5-3037-000001',
                    'partiallyPaidChargeTransactionId', 'xa5-3074-000002'
                )
            end
        from datalake_vault.applied_billing_charge;
        insert into datalake_vault.applied_billing_tax_rate
        select ouid + 1000000, appliedbillingchargeouid + 1000000, taxcategory, taxrate, amount
        from datalake_vault.applied_billing_tax_rate;
        """
    )
