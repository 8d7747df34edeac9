-- Purpose: what payments, failed payments and cancellations do, in the order of each order's events.
-- Grain:   posting_effect: one row per event that takes effect.
-- Sources: posting_event, posting_invoice; billing.invoices, waiting_event; orders_vault.order_event.
-- Settings: none.

-- Invoices of earlier batches that events of this one are about.
insert into pg_temp.posting_invoice (
    order_id, invoice_id, origin, customer_id, invoice_number, currency, minor_units, subtotal, tax, total,
    base_currency, base_minor_units, fx_rate, base_total, status, paid, idempotency_key, version, business_date,
    tax_region, occurred_at
)
select
    invoices.order_id,
    invoices.id,
    'known' as origin,
    invoices.customer_id,
    invoices.invoice_number,
    invoices.currency,
    currency.minor_units,
    invoices.subtotal,
    invoices.tax,
    invoices.total,
    invoices.base_currency,
    base.minor_units as base_minor_units,
    invoices.fx_rate,
    invoices.base_total,
    invoices.status,
    invoices.paid,
    invoices.idempotency_key,
    invoices.version,
    invoices.business_date,
    invoices.tax_region,
    invoices.occurred_at
from (
    select distinct order_id
    from pg_temp.posting_event
    where event_type <> 'order_placed'
) as event
inner join billing.invoices on event.order_id = invoices.order_id
inner join ledger.currency on invoices.currency = currency.code
inner join ledger.currency as base on invoices.base_currency = base.code
where invoices.status <> 'ON_HOLD';

analyze pg_temp.posting_invoice;

-- Rule 9: events that waited for an order that was placed now, or for an invoice that has left its hold: by its rates,
-- or by a cancellation.
insert into pg_temp.posting_event (
    topic, partition, "offset", event_id, event_type, order_id, occurred_at, payload, waited
)
select
    event.topic,
    event.partition,
    event."offset",
    event.event_id,
    event.event_type,
    event.order_id,
    event.occurred_at,
    event.payload,
    true as waited
from billing.waiting_event as waiting
inner join orders_vault.order_event as event
    on
        waiting.topic = event.topic
        and waiting.partition = event.partition
        and waiting."offset" = event."offset"
where waiting.order_id in (
        select invoice.order_id
        from pg_temp.posting_invoice as invoice
        where
            invoice.origin = 'new'
            or (
                invoice.origin = 'held'
                and (
                    invoice.status = 'OPEN'
                    or exists (
                        select from pg_temp.posting_event as cancelling
                        where cancelling.order_id = invoice.order_id and cancelling.event_type = 'order_cancelled'
                    )
                )
            )
    );

-- Rule 8: a payment of another currency is rejected; so is an amount that the ledger cannot hold.
with judged as (
    select
        event.topic,
        event.partition,
        event."offset",
        event.payload,
        case
            when coalesce(event.payload ->> 'currency', '') <> invoice.currency then 'payment currency'
            when
                (event.payload ->> 'amount')::numeric > 0
                and (event.payload ->> 'amount')::numeric < 1e14
                and (event.payload ->> 'amount')::numeric * coalesce(invoice.fx_rate, 0) < 99999999999999
                and (event.payload ->> 'amount')::numeric
                = round((event.payload ->> 'amount')::numeric, invoice.minor_units)
                then null
            else 'payment amount'
        end as reason
    from pg_temp.posting_event as event
    inner join pg_temp.posting_invoice as invoice on event.order_id = invoice.order_id
    where
        event.event_type = 'payment_received'
        and (
            invoice.status <> 'ON_HOLD'
            or exists (
                select from pg_temp.posting_event as cancelling
                where cancelling.order_id = invoice.order_id and cancelling.event_type = 'order_cancelled'
            )
        )
),

refused as (
    insert into orders_vault.rejected_event (topic, partition, "offset", raw, reason)
    select
        topic,
        partition,
        "offset",
        convert_to(payload::text, 'UTF8') as raw,
        reason
    from judged
    where reason is not null
    on conflict (topic, partition, "offset") do nothing
),

ended as (
    delete from billing.waiting_event as waiting
    using judged
    where
        judged.reason is not null
        and waiting.topic = judged.topic
        and waiting.partition = judged.partition
        and waiting."offset" = judged."offset"
)

delete from pg_temp.posting_event as event
using judged
where
    judged.reason is not null
    and event.topic = judged.topic
    and event.partition = judged.partition
    and event."offset" = judged."offset";

-- Rule 9: in the order of their timestamps, then of partition and offset. An invoice that is cancelled on hold is so
-- before all else. Rule 8: the open amount is the total minus what was paid before, 0 when it is cancelled.
with numbered as (
    select
        event.*,
        invoice.status as status_at_start,
        invoice.version as version_at_start,
        invoice.paid as paid_at_start,
        invoice.minor_units,
        invoice.total,
        row_number() over (
            partition by event.order_id
            order by
                case when invoice.status = 'ON_HOLD' and event.event_type = 'order_cancelled' then 0 else 1 end,
                event.occurred_at, event.partition, event."offset", event.topic
        ) as seq,
        case
            when event.event_type = 'payment_received'
                then round((event.payload ->> 'amount')::numeric, invoice.minor_units)
        end as amount,
        bool_or(event.event_type = 'order_cancelled') over (partition by event.order_id) as has_cancellation
    from pg_temp.posting_event as event
    inner join pg_temp.posting_invoice as invoice on event.order_id = invoice.order_id
    where event.event_type <> 'order_placed'
),

summed as (
    select
        numbered.*,
        case
            when numbered.status_at_start = 'CANCELLED' then 0
            else min(numbered.seq) filter (where numbered.event_type = 'order_cancelled')
                    over (partition by numbered.order_id)
        end as cancelled_at,
        numbered.paid_at_start + coalesce(
            sum(numbered.amount) over (
                partition by numbered.order_id order by numbered.seq
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as paid_before
    from numbered
    where numbered.status_at_start <> 'ON_HOLD' or numbered.has_cancellation
),

split as (
    select
        summed.*,
        coalesce(summed.seq >= summed.cancelled_at, false) as is_cancelled,
        summed.paid_before + coalesce(summed.amount, 0) as paid,
        case
            when summed.seq > summed.cancelled_at then 0
            -- What a cancellation moves on: what payments had credited to 1200.
            when summed.event_type = 'order_cancelled' then least(summed.paid_before, summed.total)
            else greatest(least(summed.amount, summed.total - summed.paid_before), 0)
        end as to_receivable
    from summed
),

states as (
    select
        split.*,
        case
            when split.is_cancelled then 'CANCELLED'
            when split.paid > 0 and split.paid >= split.total then 'PAID'
            when split.event_type = 'payment_received' then 'PARTIALLY_PAID'
            else 'PAYMENT_FAILED'
        end as status
    from split
),

compared as (
    select
        states.*,
        coalesce(
            lag(states.status) over (partition by states.order_id order by states.seq), states.status_at_start
        ) as status_before
    from states
),

changed as (
    select
        compared.*,
        compared.event_type = 'payment_received' or compared.status <> compared.status_before as changes
    from compared
)

insert into pg_temp.posting_effect (
    topic, partition, "offset", event_id, event_type, order_id, occurred_at, seq, version, changes, status_before,
    status, paid, amount, to_receivable, to_credit, detail
)
select
    topic,
    partition,
    "offset",
    event_id,
    event_type,
    order_id,
    occurred_at,
    seq,
    version_at_start + count(*) filter (where changes) over (partition by order_id order by seq) as version,
    changes,
    status_before,
    status,
    round(paid, minor_units) as paid,
    amount,
    coalesce(to_receivable, 0) as to_receivable,
    amount - coalesce(to_receivable, 0) as to_credit,
    -- Brokers take messages of about a megabyte: a reason has no limit of its own.
    jsonb_strip_nulls(
        jsonb_build_object('payment_id', payload -> 'payment_id', 'reason', left(payload ->> 'reason', 1000))
    ) as detail
from changed;

analyze pg_temp.posting_effect;

-- What could not take effect waits, what could waits no more.
insert into billing.waiting_event (topic, partition, "offset", event_id, event_type, order_id, occurred_at)
select
    event.topic,
    event.partition,
    event."offset",
    event.event_id,
    event.event_type,
    event.order_id,
    event.occurred_at
from pg_temp.posting_event as event
where
    event.event_type <> 'order_placed'
    and not event.waited
    and not exists (
        select from pg_temp.posting_effect as effect
        where
            effect.topic = event.topic
            and effect.partition = event.partition
            and effect."offset" = event."offset"
    );

delete from billing.waiting_event as waiting
using pg_temp.posting_effect as effect
where
    waiting.topic = effect.topic
    and waiting.partition = effect.partition
    and waiting."offset" = effect."offset";
