"""Where the replaced service chose at random, a rule decides (specification, section 17): each tie planted once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.conftest import SQL_ROOT
from tests.golden.build import run_phases

if TYPE_CHECKING:
    from billing_aggregator.local.postgres import EmbeddedPostgres

CHARGE = "datalake_vault.applied_billing_charge"
A01 = "xa5-3037-000001"  # an open instalment

TIES = {
    "lowest login": (
        f"""
        insert into datalake_vault.login
        select login.ouid + step, login.customerouid, login.externalid || suffix
        from datalake_vault.login
        inner join datalake_vault.billing_account as account using (customerouid)
        inner join {CHARGE} as charge on charge.billingaccountouid = account.ouid
        cross join (values (-1000000, ' low'), (1000000, ' high')) as other (step, suffix)
        where charge.transactionid = '{A01}'
        """,
        f"select customer_id like '% low' from report_oibl.new_tripica_results where transaction_id = '{A01}'",
        [(True,)],
    ),
    "lowest MBA name": (
        f"""
        insert into datalake_vault.billing_account (ouid, name) values (1, '!low'), (2, '~high');
        insert into datalake_vault.billing_account_relationship
        select target.ouid, charge.billingaccountouid, target.ouid
        from {CHARGE} as charge cross join (values (2), (1)) as target (ouid)
        where charge.transactionid = '{A01}'
        """,
        f"select mba from report_oibl.new_tripica_results where transaction_id = '{A01}'",
        [("!low",)],
    ),
    "settled before open, latest balance date, earliest due date": (
        f"""
        delete from datalake_vault.billing_account_balance where transactionid = '{A01}';
        insert into datalake_vault.billing_account_balance (
            ouid, datetimecreate, billingaccountouid, transactionid, status, amount, startdatetime, letteringdate
        )
        select number, datetimecreate, billingaccountouid, transactionid, status, taxincludedamount, due, settled
        from {CHARGE} as charge
        cross join (
            values
            (1, 'DUE', '2024-01-05 12:00+00'::timestamptz, null::timestamptz),
            (2, 'DUE_LETTERED', '2024-01-09 12:00+00', '2024-02-02 12:00+00'),
            (3, 'DUE_LETTERED', '2024-01-07 12:00+00', '2024-02-02 12:00+00'),
            (4, 'DUE_LETTERED', '2024-01-01 12:00+00', '2024-02-01 12:00+00')
        ) as balance (number, status, due, settled)
        where charge.transactionid = '{A01}'
        """,
        f"""
        select due_date::text, balance_date::text from report_oibl.new_tripica_results
        where transaction_id = '{A01}'
        """,
        [("2024-01-07", "2024-02-02")],
    ),
    "latest booking day of an aggregate": (
        f"""
        delete from datalake_vault.billing_account_balance where transactionid = '{A01}';
        update {CHARGE} set aggregateid = 'tie' where transactionid = '{A01}';
        insert into bookkeeper_vault.summaries
        values ('00000000-0000-0000-0000-000000000001', '2024-05-01 10:00', '2024-05-01 11:00', true);
        insert into bookkeeper_vault.transaction_items values ('00000000-0000-0000-0000-000000000002', 'tie');
        insert into bookkeeper_vault.journal_entries
        select ('00000000-0000-0000-0000-00000000001' || n)::uuid, '00000000-0000-0000-0000-000000000001',
            'TIE-' || n, date '2024-05-01' + n * 7 % 4 from generate_series(1, 3) as n;
        insert into bookkeeper_vault.journal_entry_items
        select ('00000000-0000-0000-0000-00000000002' || n)::uuid,
            ('00000000-0000-0000-0000-00000000001' || n)::uuid, '1', 1 from generate_series(1, 3) as n;
        insert into bookkeeper_vault.journal_entry_item_sources
        select ('00000000-0000-0000-0000-00000000003' || n)::uuid,
            ('00000000-0000-0000-0000-00000000002' || n)::uuid from generate_series(1, 3) as n;
        insert into bookkeeper_vault.journal_entry_item_source_items
        select gen_random_uuid(), ('00000000-0000-0000-0000-00000000003' || n)::uuid, 1, 'TaxIncludedAmount', null,
            '00000000-0000-0000-0000-000000000002', null from generate_series(1, 3) as n
        """,
        f"""
        select balance_date::text from report_oibl.new_tripica_results
        where transaction_id = '{A01}' and aggregate_id is null
        """,
        [("2024-05-04",)],
    ),
    "earliest cancellation": (
        """
        insert into datalake_vault.applied_billing_charge (
            ouid, datetimecreate, datetimelastmodif, customerouid, billingaccountouid, transactionid, glid,
            taxincludedamount, aggregateid
        )
        select number, made, made, customerouid, billingaccountouid, 'tie', 'X_MANUAL_BONUS_CANCELLATION',
            taxincludedamount, 'tie'
        from datalake_vault.applied_billing_charge as bonus
        cross join (
            values (1, '2024-03-03 12:00+00'::timestamptz), (2, '2024-03-01 12:00+00'), (3, '2024-03-02 12:00+00')
        ) as cancellation (number, made)
        where bonus.transactionid = 'xa5-4515-000095'
        """,
        """
        select coalesce(min(datetimelastmodif) at time zone 'UTC', null)::date::text
        from report_oibl.data_due_cancelled_charges where ouid = 600000149
        """,
        [("2024-03-01",)],
    ),
    "latest write-off, written with and without blank": (
        """
        insert into datalake_vault.product (ouid, name, orderdate, characteristics)
        select n, 'ACTCHARGESCANCELLATION', date '2024-01-01' + n, jsonb_build_object('CHARGES_OUIDS', piece)
        from (values (1, '600000001'), (3, ' 600000001'), (2, '600000001 ')) as written (n, piece);
        insert into datalake_vault.product_order select n, 'COMPLETED' from generate_series(1, 3) as n;
        insert into datalake_vault.order_item select n, n, n from generate_series(1, 3) as n;
        insert into datalake_vault.note select n, 3, 'note ' || n from generate_series(1, 3) as n
        """,
        f"""
        select write_off_date::text, write_off_note from report_oibl.new_tripica_results
        where transaction_id = '{A01}' and aggregate_id is null
        """,
        [("2024-01-04", "note 3")],
    ),
    "earliest of several parents": (
        """
        insert into datalake_vault.applied_billing_charge (
            ouid, datetimecreate, datetimelastmodif, transactionid, glid, characteristics
        )
        select n, day, day, 'parent ' || n, 'X_ABSCHLAG', null
        from (values (1, '2024-06-02 12:00+00'::timestamptz), (2, '2024-06-01 12:00+00')) as made (n, day)
        union all
        select n + 10, '2024-07-01 12:00+00', '2024-07-01 12:00+00', 'child', 'X_ABSCHLAG',
            jsonb_build_object('rejectedChargeTransactionId', 'parent ' || n)
        from generate_series(1, 2) as n
        """,
        "select distinct due_date::text from report_oibl.base_data_original_due_dates where transactionid = 'child'",
        [("2024-06-01",)],
    ),
    "lowest product": (
        """
        insert into datalake_vault.product
        select ouid + step, name, billingaccountouid, orderdate, startdatetime, enddatetime,
            jsonb_build_object('billId', 'tie ' || step)
        from datalake_vault.product cross join (values (-1), (-2), (1)) as other (step)
        where characteristics ? 'billId' and ouid = 60000001
        """,
        "select bill_id from report_oibl.base_data_manual_bill_ids where bill_id like 'tie%'",
        [("tie -2",)],
    ),
    "highest dunning level": (
        """
        insert into receivablemanagement_vault.case_receivables
        values ('00000000-0000-0000-0000-000000000001', 'tie', 'DUNNING', '2024-01-01 12:00+00'),
            ('00000000-0000-0000-0000-000000000002', 'tie', 'DUNNING', '2024-01-01 12:00+00');
        insert into receivablemanagement_vault.dunning_claims (
            case_receivable_id, dunning_claim_id, dunning_level, scenario
        )
        values ('00000000-0000-0000-0000-000000000001', gen_random_uuid(), 2, 'two'),
            ('00000000-0000-0000-0000-000000000002', gen_random_uuid(), 5, 'five'),
            ('00000000-0000-0000-0000-000000000002', gen_random_uuid(), 3, 'three')
        """,
        "select dunning_level, dunning_scenario from report_oibl.base_data_dunning where mba = 'tie'",
        [(5, "five")],
    ),
    "a case without creation instant is the newest": (
        """
        insert into receivablemanagement_vault.case_receivables
        values (gen_random_uuid(), 'tie', 'DUNNING', '2024-01-01 12:00+00'), (gen_random_uuid(), 'tie', 'INKASSO', null)
        """,
        "select status from report_oibl.base_data_dunning where mba = 'tie'",
        [("INKASSO",)],
    ),
}


@pytest.mark.parametrize(("plant", "query", "expected"), TIES.values(), ids=TIES)
def test_tie(
    postgres: EmbeddedPostgres, warehouse: psycopg.Connection[Any], plant: str, query: str, expected: list[Any]
) -> None:
    with psycopg.connect(postgres.dsn(warehouse.info.dbname)) as vault:
        vault.execute(plant)
    run_phases(warehouse, SQL_ROOT, "enercity", "init")
    assert warehouse.execute(query).fetchall() == expected
