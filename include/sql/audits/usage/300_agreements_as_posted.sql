-- warn: agreements are as their start was posted
-- Purpose: what is posted stays; an agreement that was changed later needs a posting by hand (specification, section
--     22, rule 8).
-- Grain: one row per agreement with other credits, another customer, or gone.
-- Sources: ledger.transaction, entry, account; usage_vault.agreement.
select
    split_part(posted.idempotency_key, ':', 2) as agreement_id,
    account.owner as posted_customer_id,
    agreement.customer_id,
    entry.amount as posted_credits,
    agreement.credits
from ledger.transaction as posted
inner join ledger.entry on posted.transaction_id = entry.transaction_id and entry.line = 1
inner join ledger.account on entry.account_id = account.account_id
left join usage_vault.agreement on posted.idempotency_key = 'agreement:' || agreement.agreement_id || ':start'
where
    posted.source = 'usage'
    and posted.kind = 'agreement_start'
    and (agreement.customer_id::text, agreement.credits) is distinct from (account.owner, entry.amount)
order by agreement_id
