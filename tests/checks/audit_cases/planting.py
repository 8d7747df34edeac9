"""How defects of the list are planted."""

from __future__ import annotations

LIST = "report_oibl.new_tripica_results"
# The same rows as report_oibl.data_sap_bookings, which the rules read.
BOOKINGS = "report_oibl.new_bookkeeper_results"
# Lines of charges that were cut off in 2019.
UNLISTED = f"aggregate_id not in (select aggregate_id from {LIST} where aggregate_id is not null)"
# The families of rows, as section 15 of the specification tells them apart.
OPEN_ITEM = "aggregate_id is null"
BOOKING = "aggregate_id is not null and billing_account_balance_ouid = '' and tax_item_ouid is distinct from ''"
TAX = "aggregate_id is not null and billing_account_balance_ouid = '' and tax_item_ouid = ''"
PAYMENT = "billing_account_balance_ouid <> ''"
ALLOCATED = "aggregate_id is not null and billing_account_balance_ouid is null"

# Yesterday's lists, equal to today's.
PUBLISHED = (
    f"create table report_oibl.tripica_results as select * from {LIST};"
    "create table report_oibl.bookkeeper_results as select * from report_oibl.new_bookkeeper_results;"
    "grant select on all tables in schema report_oibl to billing_aggregator;"
)
BALANCED = "tripica/300_debit_equals_credit"
JOURNAL = "tripica/300_bookings_equal_journal"


def one(where: str, table: str = LIST) -> str:
    """Choose one row."""
    return f"ctid = (select min(ctid) from {table} where {where})"


def change(values: str, where: str, table: str = LIST) -> str:
    """Change one row."""
    return f"update {table} set {values} where {one(where, table)}"


def remove(where: str, table: str = LIST) -> str:
    """Remove one row."""
    return f"delete from {table} where {one(where, table)}"


def twice(where: str, table: str = LIST) -> str:
    """Double one row."""
    return f"insert into {table} select * from {table} where {one(where, table)}"
