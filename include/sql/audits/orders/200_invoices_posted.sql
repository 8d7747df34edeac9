-- fail: every invoice is posted with its amounts, once, and nothing else is
-- Purpose: the invoices against the ledger's entries (specification, section 21, rules 5, 8, 10).
-- Grain: one row per invoice whose entries differ; without one: postings of the orders that belong to no invoice.
-- Sources: billing.invoices; ledger.transaction, entry, account.
with posted as (
    select
        posting.metadata ->> 'invoice_id' as invoice_id,
        sum(entry.amount) filter (
            where posting.kind = 'invoice' and account.code = '1200' and entry.side = 'debit'
        ) as receivable,
        sum(entry.amount) filter (
            where posting.kind = 'invoice' and account.code = '4000' and entry.side = 'credit'
        ) as revenue,
        sum(entry.amount) filter (
            where posting.kind = 'invoice' and account.code = '2200' and entry.side = 'credit'
        ) as tax,
        sum(entry.base_amount) filter (where posting.kind = 'invoice' and entry.side = 'debit') as base,
        sum(entry.amount) filter (
            where posting.kind = 'cancellation' and account.code = '1200' and entry.side = 'credit'
        ) as cancelled,
        sum(entry.amount) filter (
            where posting.kind = 'payment' and account.code = '1000' and entry.side = 'debit'
        ) as paid,
        min(entry.currency) as currency,
        max(entry.currency) as other_currency
    from ledger.transaction as posting
    inner join ledger.entry on posting.transaction_id = entry.transaction_id
    inner join ledger.account on entry.account_id = account.account_id
    where posting.source = 'orders'
    group by posting.metadata ->> 'invoice_id'
),

expected as (
    select
        id::text as invoice_id,
        order_id,
        currency,
        case when invoice_number is null then 0 else total end as receivable,
        case when invoice_number is null then 0 else subtotal end as revenue,
        case when invoice_number is null then 0 else tax end as tax,
        case when invoice_number is null then 0 else base_total end as base,
        case when invoice_number is not null and status = 'CANCELLED' then total else 0 end as cancelled,
        paid
    from billing.invoices
)

select
    expected.order_id,
    posted.invoice_id,
    expected.receivable,
    posted.receivable as posted_receivable,
    expected.cancelled,
    posted.cancelled as posted_cancelled,
    expected.paid,
    posted.paid as posted_paid
from expected
full join posted on expected.invoice_id = posted.invoice_id
where
    expected.order_id is null
    or expected.receivable <> coalesce(posted.receivable, 0)
    or expected.revenue <> coalesce(posted.revenue, 0)
    or expected.tax <> coalesce(posted.tax, 0)
    or expected.base <> coalesce(posted.base, 0)
    or expected.cancelled <> coalesce(posted.cancelled, 0)
    or expected.paid <> coalesce(posted.paid, 0)
    or posted.currency <> expected.currency
    or posted.other_currency <> expected.currency
order by expected.order_id, posted.invoice_id
