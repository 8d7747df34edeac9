"""What ``make run`` shows of the usage: customers, months, postings, the tree by space, as the warehouse has them."""

from __future__ import annotations

QUERIES = {
    "readings": "select to_char(hour at time zone 'UTC', 'YYYY-MM'), count(*), count(*) filter (where complete), "
    "count(*) filter (where estimated) from usage_vault.reading group by 1 order by 1",
    "customers": "select customer.name, customer.tier, string_agg(organization.name, ', ' order by organization.name) "
    "from usage_vault.customer left join usage_vault.organization using (customer_id) group by customer_id order by 1",
    "months": "select customer, month, sum(hours), sum(estimated_hours), round(sum(microcredits) / 1000000, 6) "
    "from report_oibl.usage_results group by customer_id, customer, month order by 1, 2",
    "postings": "select coalesce(customer.name, account.owner), posted.kind, posted.business_date, account.code, "
    "entry.amount from ledger.transaction as posted join ledger.entry using (transaction_id) "
    "join ledger.account using (account_id) left join usage_vault.customer on customer_id::text = account.owner "
    "where posted.source = 'usage' and entry.side = 'debit' order by posted.business_date, posted.idempotency_key",
    "spaces": "select month, customer || ' > ' || org || ' > ' || coalesce(space, '-'), "
    "round(sum(microcredits) / 1000000, 6) from report_oibl.usage_results group by 1, customer_id, 2 order by 1, 2",
    "usage_ledger": "select owner, code, currency, debit, credit, balance from ledger.account_balance "
    "where currency = 'CREDIT' order by 1, 2",
}
HEADS = {
    "readings": ("readings in", "hours", "complete", "estimated"),
    "customers": ("customer", "tier", "organizations"),
    "months": ("usage of", "month", "hours", "estimated", "credits"),
    "postings": ("posted for", "kind", "business date", "debit", "credits"),
    "spaces": ("month", "customer > organization > space", "credits"),
    "usage_ledger": ("account of", "code", "currency", "debit", "credit", "balance"),
}
