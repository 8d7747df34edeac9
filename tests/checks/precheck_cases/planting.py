"""How defects of the sources are planted."""

from __future__ import annotations

CHARGE = "(select min(ouid) from datalake_vault.applied_billing_charge where glid like '%\\_ABSCHLAG')"
ITEM = """(select min(journal_entry_items.uuid::text)::uuid from bookkeeper_vault.journal_entry_items
    inner join bookkeeper_vault.journal_entries on journal_entries.uuid = journal_entries_uuid
    inner join bookkeeper_vault.summaries on summaries.uuid = summaries_uuid and export)"""
#: 35 hours before the end of the business date of the freshness tests: Berlin's midnight is 23:00 UTC.
FRESH = """
update datalake_vault.applied_billing_charge set datetimelastmodif = '2026-02-28 12:00:00+00' where ouid = 600000001;
update datalake_vault.billing_account_balance set datetimelastmodif = '2026-02-28 12:00:00+00' where ouid = 310000001;
update bookkeeper_vault.summaries set create_time = '2026-02-28 12:00:00'
where uuid = (select min(uuid::text)::uuid from bookkeeper_vault.summaries where export);
"""
NOW = {"as_of": "2026-03-01", "freshness_hours": "35"}


def charge(change: str) -> str:
    """Change one instalment."""
    return f"update datalake_vault.applied_billing_charge set {change} where ouid = {CHARGE}"


def balance(change: str) -> str:
    """Change one balance that is due."""
    return f"update datalake_vault.billing_account_balance set {change} where ouid = 310000001"


def chain(transactions: str, characteristic: str, parents: str, numbers: tuple[int, int]) -> str:
    """Add a charge for each number, in the transaction *transactions*, that points to the transaction *parents*."""
    return f"""
    insert into datalake_vault.applied_billing_charge (
        ouid, datetimecreate, datetimelastmodif, billingaccountouid, transactionid, glid, taxexcludedamount,
        taxincludedamount, characteristics
    )
    select number, now(), now(), (select min(ouid) from datalake_vault.billing_account), {transactions},
        'ELEC_ABSCHLAG', 1, 1, jsonb_strip_nulls(jsonb_build_object('{characteristic}', {parents}))
    from generate_series({numbers[0]}, {numbers[1]}) as number"""


def twice(table: str, order: str = "ctid", where: str = "true") -> str:
    return f"insert into {table} select * from {table} where {where} order by {order} limit 1"
