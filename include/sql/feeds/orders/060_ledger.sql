-- Purpose: posts the batch: invoices, payments, customers' credits, and reversals of cancelled invoices.
-- Grain:   one transaction per invoice, payment, cancellation and moved credit; their entries.
-- Sources: posting_invoice, posting_effect; ledger.
-- Settings: bda.timezone (else Europe/Berlin).

insert into ledger.account (owner, code, name, kind, normal_side)
select
    'house' as owner,
    house.code,
    house.name,
    house.kind,
    house.normal_side
from (
    values
    ('1000', 'Cash', 'asset', 'debit'),
    ('1200', 'Accounts receivable', 'asset', 'debit'),
    ('2200', 'Tax payable', 'liability', 'credit'),
    ('2300', 'Customer credit', 'liability', 'credit'),
    ('4000', 'Revenue', 'revenue', 'credit')
) as house (code, name, kind, normal_side)
where not exists (
        select from ledger.account as known
        where known.owner = 'house' and known.code = house.code
    )
on conflict (owner, code) do nothing;

-- Rules 5 and 8. An order whose total is zero posts nothing; an invoice that was cancelled on hold has no transaction.
insert into pg_temp.posting_transaction (
    transaction_id, idempotency_key, kind, business_date, occurred_at, description, metadata
)
select
    ledger.new_id() as transaction_id,
    posting.idempotency_key,
    posting.kind,
    posting.business_date,
    posting.occurred_at,
    posting.description,
    posting.metadata
from (
    select
        'order:' || invoice.idempotency_key as idempotency_key,
        'invoice' as kind,
        invoice.business_date,
        invoice.occurred_at,
        'Invoice ' || invoice.invoice_number as description,
        jsonb_build_object('invoice_id', invoice.invoice_id) as metadata
    from pg_temp.posting_invoice as invoice
    where invoice.origin in ('new', 'held') and invoice.status = 'OPEN' and invoice.total > 0
    union all
    select
        'payment:' || effect.event_id as idempotency_key,
        'payment' as kind,
        (
            effect.occurred_at at time zone coalesce(nullif(current_setting('bda.timezone', true), ''), 'Europe/Berlin')
        )::date as business_date,
        effect.occurred_at,
        coalesce('Payment of invoice ' || invoice.invoice_number, 'Payment of order ' || invoice.order_id)
            as description,
        jsonb_build_object('invoice_id', invoice.invoice_id) as metadata
    from pg_temp.posting_effect as effect
    inner join pg_temp.posting_invoice as invoice on effect.order_id = invoice.order_id
    where effect.event_type = 'payment_received'
    union all
    select
        'credit:' || effect.event_id as idempotency_key,
        'customer_credit' as kind,
        (
            effect.occurred_at at time zone coalesce(nullif(current_setting('bda.timezone', true), ''), 'Europe/Berlin')
        )::date as business_date,
        effect.occurred_at,
        'Credit of cancelled invoice ' || invoice.invoice_number as description,
        jsonb_build_object('invoice_id', invoice.invoice_id) as metadata
    from pg_temp.posting_effect as effect
    inner join pg_temp.posting_invoice as invoice on effect.order_id = invoice.order_id
    where effect.event_type = 'order_cancelled' and effect.changes and effect.to_receivable > 0
) as posting
order by posting.occurred_at, posting.idempotency_key;

insert into pg_temp.posting_transaction (
    transaction_id, idempotency_key, kind, business_date, occurred_at, description, metadata, reverses
)
select
    ledger.new_id() as transaction_id,
    'cancel:' || effect.event_id as idempotency_key,
    'cancellation' as kind,
    (
        effect.occurred_at at time zone coalesce(nullif(current_setting('bda.timezone', true), ''), 'Europe/Berlin')
    )::date as business_date,
    effect.occurred_at,
    'Cancellation of invoice ' || invoice.invoice_number as description,
    jsonb_build_object('invoice_id', invoice.invoice_id) as metadata,
    coalesce(posted_now.transaction_id, posted_before.transaction_id) as reverses
from pg_temp.posting_effect as effect
inner join pg_temp.posting_invoice as invoice on effect.order_id = invoice.order_id
left join pg_temp.posting_transaction as posted_now
    on 'order:' || invoice.idempotency_key = posted_now.idempotency_key
left join ledger.transaction as posted_before
    on 'order:' || invoice.idempotency_key = posted_before.idempotency_key
where
    effect.event_type = 'order_cancelled'
    and effect.changes
    and coalesce(posted_now.transaction_id, posted_before.transaction_id) is not null;

analyze pg_temp.posting_transaction;

-- Rule 4: base amounts are rounded each; a difference goes to the largest credit entry, the first of two equal ones.
with house as materialized (
    select
        code,
        account_id
    from ledger.account
    where owner = 'house'
),

amounts as (
    select
        posting.transaction_id,
        '1200' as debit,
        invoice.total as amount,
        '4000' as first_credit,
        invoice.subtotal as first_amount,
        '2200' as second_credit,
        invoice.tax as second_amount,
        invoice.currency,
        invoice.fx_rate,
        invoice.base_minor_units
    from pg_temp.posting_invoice as invoice
    inner join pg_temp.posting_transaction as posting
        on 'order:' || invoice.idempotency_key = posting.idempotency_key
    union all
    select
        posting.transaction_id,
        '1000' as debit,
        effect.amount,
        '1200' as first_credit,
        effect.to_receivable as first_amount,
        '2300' as second_credit,
        effect.to_credit as second_amount,
        invoice.currency,
        invoice.fx_rate,
        invoice.base_minor_units
    from pg_temp.posting_effect as effect
    inner join pg_temp.posting_invoice as invoice on effect.order_id = invoice.order_id
    inner join pg_temp.posting_transaction as posting on 'payment:' || effect.event_id = posting.idempotency_key
    union all
    select
        posting.transaction_id,
        '1200' as debit,
        effect.to_receivable as amount,
        '2300' as first_credit,
        effect.to_receivable as first_amount,
        null as second_credit,
        0 as second_amount,
        invoice.currency,
        invoice.fx_rate,
        invoice.base_minor_units
    from pg_temp.posting_effect as effect
    inner join pg_temp.posting_invoice as invoice on effect.order_id = invoice.order_id
    inner join pg_temp.posting_transaction as posting on 'credit:' || effect.event_id = posting.idempotency_key
),

in_base as (
    select
        amounts.*,
        round(amount * fx_rate, base_minor_units) as base,
        case
            when first_amount >= second_amount
                then
                    round(amount * fx_rate, base_minor_units)
                    - case
                        when second_amount > 0 then round(second_amount * fx_rate, base_minor_units) else 0
                    end
            else round(first_amount * fx_rate, base_minor_units)
        end as first_base,
        case
            when first_amount >= second_amount then round(second_amount * fx_rate, base_minor_units)
            else
                round(amount * fx_rate, base_minor_units)
                - case when first_amount > 0 then round(first_amount * fx_rate, base_minor_units) else 0 end
        end as second_base
    from amounts
),

entries as (
    select
        in_base.transaction_id,
        in_base.currency,
        side.line,
        side.code,
        side.name,
        side.amount,
        side.base
    from in_base
    cross join
        lateral (
            values
            (1, in_base.debit, 'debit', in_base.amount, in_base.base),
            (2, in_base.first_credit, 'credit', in_base.first_amount, in_base.first_base),
            (
                case when in_base.first_amount > 0 then 3 else 2 end,
                in_base.second_credit, 'credit', in_base.second_amount, in_base.second_base
            )
        ) as side (line, code, name, amount, base)
    where side.amount > 0
),

-- The ledger posts nothing into a closed month: what is late goes into the first open one after it. By one statement
-- with the entries: what comes whole and balances waits for no check at commit.
posted as (
    insert into ledger.transaction (
        transaction_id, idempotency_key, kind, business_date, occurred_at, description, source, reverses, metadata
    )
    select
        posting.transaction_id,
        posting.idempotency_key,
        posting.kind,
        coalesce(moved.open_day, posting.business_date) as business_date,
        posting.occurred_at,
        posting.description,
        'orders' as source,
        posting.reverses,
        posting.metadata
    from pg_temp.posting_transaction as posting
    left join ledger.first_open_day as moved on date_trunc('month', posting.business_date)::date = moved.month
    order by posting.transaction_id
)

insert into ledger.entry (transaction_id, line, account_id, side, amount, currency, base_amount)
select
    entries.transaction_id,
    entries.line,
    house.account_id,
    entries.name,
    entries.amount,
    entries.currency,
    entries.base
from entries
inner join house on entries.code = house.code
order by entries.transaction_id, entries.line;

-- Rule 8: a reversal mirrors line by line, base amounts too.
insert into ledger.entry (transaction_id, line, account_id, side, amount, currency, base_amount)
select
    posting.transaction_id,
    entry.line,
    entry.account_id,
    case entry.side when 'debit' then 'credit' else 'debit' end as side,
    entry.amount,
    entry.currency,
    entry.base_amount
from pg_temp.posting_transaction as posting
inner join ledger.entry on posting.reverses = entry.transaction_id
where posting.reverses is not null;
