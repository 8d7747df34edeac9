-- system: orders
-- Purpose: what was posted on the business date, by all systems that post (specification, section 20).
-- Grain:   one row per entry.
-- Key:     idempotency_key, line
-- Sources: ledger.transaction, entry, account.
-- Settings: bda.business_date.
-- Order:   idempotency key, line: both together are unique.

select
    posted.transaction_id,
    posted.idempotency_key,
    posted.kind,
    posted.business_date,
    entry.line,
    account.owner,
    account.code as account,
    entry.side,
    entry.amount,
    entry.currency,
    entry.base_amount,
    posted.description
from ledger.transaction as posted
inner join ledger.entry on posted.transaction_id = entry.transaction_id
inner join ledger.account on entry.account_id = account.account_id
where posted.business_date = nullif(current_setting('bda.business_date', true), '')::date
order by posted.idempotency_key collate "C", entry.line
