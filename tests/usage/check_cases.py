"""Defects of the usage's books and sources, and the checks that notice each."""

from __future__ import annotations

from tests.checks.case import Case

LIST, AMOUNTS, ROWS = (f"report_oibl.new_usage_{name}" for name in ("results", "amounts", "rows"))
ADD_UP = "200_results_add_up"
MEASURED = "200_everything_measured"
FORMED = "200_postings_well_formed"
ONE = f"ctid = (select min(ctid) from {LIST})"

AUDITS = [
    Case("line missing", f"delete from {LIST} where {ONE}", {ADD_UP}),
    Case("line twice", f"insert into {LIST} select * from {LIST} where {ONE}", {ADD_UP}),
    Case("a microcredit more", f"update {LIST} set microcredits = microcredits + 1 where {ONE}", {ADD_UP}),
    Case("amount changed", f"update {AMOUNTS} set microcredits = microcredits + 1", {ADD_UP}),
    Case("row missing", f"delete from {ROWS} where customer_id is null", {MEASURED}),
    Case("measurement lost", "delete from usage_vault.measurement where resource_id = 'a'", {MEASURED}),
    Case("posting gone", "delete from ledger.entry where line = 1", {FORMED}),
    Case("number left out", "update ledger.transaction set idempotency_key = idempotency_key || ':2', "
         "kind = 'usage_correction' where kind = 'usage_post'", {FORMED}),
    Case("of another customer", "update ledger.account set owner = 'house' where code = '201'", {FORMED}),
    Case("no price", f"update {ROWS} set valid_during = null where customer_id is null", {"300_all_priced"}),
    Case("no customer", "", {"300_all_assigned"}),
    Case("hour missing", "delete from usage_vault.reading where hour = '2026-03-01 07:00+00'", {
        "300_hours_complete"}),
    Case("hour incomplete", "update usage_vault.reading set complete = false where hour = '2026-03-01 07:00+00'", {
        "300_hours_complete"}),
    Case("agreement changed", "update usage_vault.agreement set credits = 7", {"300_agreements_as_posted"}),
    Case("agreement gone", "delete from usage_vault.agreement", {"300_agreements_as_posted"}),
]  # fmt: skip

PRECHECKS = [
    Case("table missing", "drop table usage_vault.space", {"110_tables_exist"}),
    Case("table not readable", "revoke select on ledger.currency from billing_aggregator", {"110_tables_exist"}),
    Case("prices overlap", "alter table usage_vault.price drop constraint price_no_overlap; "
         "insert into usage_vault.price select * from usage_vault.price", {"200_prices_unambiguous"}),
    Case("agreements overlap", "alter table usage_vault.agreement drop constraint agreement_no_overlap; "
         "insert into usage_vault.agreement (customer_id, starts, ends, credits) "
         "select customer_id, starts, ends, credits from usage_vault.agreement", {"200_prices_unambiguous"}),
]  # fmt: skip
