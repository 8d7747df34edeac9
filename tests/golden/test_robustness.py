"""The list does not depend on physical order, session time zone, leftovers or malformed references."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from billing_aggregator.local.warehouse import VAULTS
from tests.conftest import ROOT, SQL_ROOT
from tests.golden.build import ALL_PHASES, run_phases
from tests.golden.compare import compare, load_expected

if TYPE_CHECKING:
    from billing_aggregator.local.postgres import EmbeddedPostgres

EXPECTED = ROOT / "tests" / "golden" / "expected" / "expected_oibl_customer.csv"
RESULTS = ("tripica_results", "bookkeeper_results")


@pytest.fixture
def vault(postgres: EmbeddedPostgres, warehouse: psycopg.Connection[Any]) -> Any:
    """A superuser's connection to the same warehouse, to change the vaults."""
    with psycopg.connect(postgres.dsn(warehouse.info.dbname), autocommit=True) as connection:
        yield connection


def as_csv(connection: psycopg.Connection[Any], table: str) -> bytes:
    """Return the table in its physical order, instants in UTC."""
    connection.execute("set timezone = 'UTC'")
    with connection.cursor().copy(f"copy report_oibl.{table} to stdout (format csv, header true)") as copy:
        return b"".join(bytes(block) for block in copy)


def differences(connection: psycopg.Connection[Any]) -> str:
    columns = load_expected(connection, EXPECTED, "expected")
    difference = compare(connection, "report_oibl.oibl_customer", "expected", columns)
    return str(difference) if difference else ""


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
    vault.execute(
        """
        -- several logins, relationships, bills, claims, locks of one instant, notes
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
        -- several products for one manual consumption, payment requests and balances of one transaction
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
        -- a second charge of each transaction, pointing at another parent too
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


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "UTC", "Europe/Berlin"])
def test_session_time_zone_does_not_matter(
    postgres: EmbeddedPostgres, warehouse: psycopg.Connection[Any], zone: str
) -> None:
    name = warehouse.info.dbname
    with psycopg.connect(postgres.dsn(name, "billing_aggregator"), options=f"-c timezone={zone}") as session:
        run_phases(session, SQL_ROOT, "enercity", *ALL_PHASES)
        assert differences(session) == ""


def test_other_session_settings_do_not_matter(postgres: EmbeddedPostgres, warehouse: psycopg.Connection[Any]) -> None:
    options = "-c datestyle=German -c work_mem=64kB -c enable_hashjoin=off -c enable_hashagg=off -c search_path=public"
    with psycopg.connect(postgres.dsn(warehouse.info.dbname, "billing_aggregator"), options=options) as session:
        run_phases(session, SQL_ROOT, "enercity", "init", "release")
        session.execute("set datestyle = 'ISO'")
        assert differences(session) == ""


def test_leftovers_of_a_failed_run_do_not_matter(warehouse: psycopg.Connection[Any]) -> None:
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release", settings={"run_id": "first"})
    run_phases(warehouse, SQL_ROOT, "enercity", "init")
    left = "select relname from pg_class where relnamespace = 'report_oibl'::regnamespace and relkind = 'r'"
    for (table,) in warehouse.execute(left).fetchall():
        if table not in RESULTS:
            warehouse.execute(f"create table report_oibl.old_{table} (surplus text)")
            warehouse.execute(f"alter table report_oibl.{table} add column surplus text")
    warehouse.commit()
    run_phases(warehouse, SQL_ROOT, "enercity", *ALL_PHASES, settings={"run_id": "second"})
    assert differences(warehouse) == ""


def test_tables_of_the_replaced_service_do_not_matter(warehouse: psycopg.Connection[Any]) -> None:
    warehouse.execute("create schema report_oibl")
    with (ROOT / "tests/golden/expected/expected_table_counts.csv").open(encoding="utf-8") as lines:
        names = [line.split(",")[0] for line in lines.readlines()[1:]]
    for name in names:
        if name != "oibl_customer":
            warehouse.execute(f"create table report_oibl.{name} (old text)")
    warehouse.execute("create view report_oibl.oibl_customer as select old as cba from report_oibl.oibl_tripica")
    warehouse.commit()
    run_phases(warehouse, SQL_ROOT, "enercity", *ALL_PHASES)
    assert differences(warehouse) == ""


def test_scripts_can_be_repeated(warehouse: psycopg.Connection[Any]) -> None:
    """A task may run twice: each script followed by itself gives the same list."""
    from billing_aggregator.sql.runner import run_script
    from billing_aggregator.sql.scripts import find_scripts

    for system in ("bookkeeper", "tripica"):
        for script in find_scripts(SQL_ROOT, "init", system, "enercity"):
            for _ in range(2):
                run_script(warehouse, script.read(), {"client": "enercity"})
    run_phases(warehouse, SQL_ROOT, "enercity", "release")
    assert differences(warehouse) == ""


DUNNING = "dunning_lock_until, dunning_lock_reason, dunning_scenario, dunning_level, dunning_status"


@pytest.mark.parametrize("schema", ["receivablemanagement_vault", "dunning_vault", "dunninglock_vault"])
@pytest.mark.parametrize("how", ["drop schema {0} cascade", "revoke all on all tables in schema {0} from public, {1}"])
def test_missing_dunning_schema_gives_no_dunning(
    warehouse: psycopg.Connection[Any], vault: psycopg.Connection[Any], schema: str, how: str
) -> None:
    vault.execute(how.format(schema, "billing_aggregator"))
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release")
    shown = warehouse.execute(f"select count(*), count(coalesce({casts(DUNNING)})) from report_oibl.tripica_results")
    assert shown.fetchone() == (1538, 0)


def test_no_case_loses_the_locks_too(warehouse: psycopg.Connection[Any], vault: psycopg.Connection[Any]) -> None:
    vault.execute("truncate receivablemanagement_vault.case_receivables")
    run_phases(warehouse, SQL_ROOT, "enercity", "init", "release")
    shown = warehouse.execute(f"select count(coalesce({casts(DUNNING)})) from report_oibl.tripica_results")
    assert shown.fetchone() == (0,)


def casts(columns: str) -> str:
    return ", ".join(f"{column}::text" for column in columns.split(", "))


@pytest.mark.parametrize(
    ("as_of", "shown"),
    [("2022-02-01", True), ("2022-02-28", True), ("2022-03-01", False)],
)
def test_an_old_business_date_shows_the_locks_of_that_day(
    warehouse: psycopg.Connection[Any], as_of: str, shown: bool
) -> None:
    """The sample's lock expires at 2022-02-28 23:09:52 UTC, on 1 March in Berlin: its UTC day is the last one."""
    run_phases(warehouse, SQL_ROOT, "enercity", "init", settings={"as_of": as_of})
    for table in ("base_data_dunning", "new_tripica_results"):
        found = warehouse.execute(
            f"select count(*) from report_oibl.{table} where dunning_lock_until = '2022-02-28'"
        ).fetchone()
        assert (found is not None and found[0] > 0) is shown, table


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
