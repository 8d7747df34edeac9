-- Purpose: takes the events that are to be posted out of their queue, one posting at a time.
-- Grain:   posting_event: one row per event; the other work tables are made here and filled by the next scripts.
-- Sources: orders_vault.pending_event, order_event.
-- Settings: none.
--
-- The scripts of this folder run in their order in one transaction. What they write is the specification's section 21;
-- they set no limit: a batch is what was taken in since the last one. Work tables live as long as the session and are
-- emptied at each commit.

select pg_advisory_xact_lock(7203110015);

-- The planner has to know how many rows there are, and of ids that they are distinct: a small sample says that.
set local default_statistics_target = 10;

create temporary table if not exists posting_event (
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    event_id text not null,
    event_type text not null,
    order_id text not null,
    occurred_at timestamptz not null,
    payload jsonb not null,
    -- It waited since an earlier batch.
    waited boolean not null
) on commit delete rows;

-- Invoices that this batch makes, releases or changes, as they are before the events of payment and cancellation.
create temporary table if not exists posting_invoice (
    order_id text not null,
    invoice_id bigint,
    -- new: placed in this batch; held: was on hold; known: was posted or cancelled before.
    origin text not null,
    customer_id text not null,
    invoice_number text,
    currency text not null,
    minor_units smallint not null,
    subtotal numeric not null,
    tax numeric,
    total numeric,
    base_currency text not null,
    base_minor_units smallint not null,
    fx_rate numeric(20, 10),
    base_total numeric,
    status text not null,
    paid numeric not null,
    idempotency_key text not null,
    version integer not null,
    business_date date not null,
    tax_region text not null,
    occurred_at timestamptz not null,
    partition integer,
    "offset" bigint
) on commit delete rows;

-- Lines of new invoices, and of invoices on hold.
create temporary table if not exists posting_line (
    order_id text not null,
    line integer not null,
    sku text,
    qty integer,
    unit_price numeric,
    net numeric not null,
    tax_class text not null
) on commit delete rows;

-- Rates that lines of the batch ask for; null: there is none.
create temporary table if not exists posting_tax_rate (
    tax_region text not null,
    business_date date not null,
    tax_class text not null,
    rate numeric(9, 6)
) on commit delete rows;

-- Events with an invoice, in the order in which they take effect, and what each of them does.
create temporary table if not exists posting_effect (
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    event_id text not null,
    event_type text not null,
    order_id text not null,
    occurred_at timestamptz not null,
    seq bigint not null,
    -- Null: a second cancellation.
    version integer,
    changes boolean not null,
    status_before text not null,
    status text not null,
    paid numeric not null,
    amount numeric,
    to_receivable numeric,
    to_credit numeric,
    detail jsonb not null
) on commit delete rows;

-- Transactions for the ledger, but for reversals, which mirror what is in the ledger.
create temporary table if not exists posting_transaction (
    transaction_id uuid not null,
    idempotency_key text not null,
    kind text not null,
    business_date date not null,
    occurred_at timestamptz not null,
    description text not null,
    metadata jsonb not null,
    reverses uuid
) on commit delete rows;

with taken as (
    delete from orders_vault.pending_event returning topic, partition, "offset"
)

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
    false as waited
from taken
inner join orders_vault.order_event as event
    on taken.topic = event.topic and taken.partition = event.partition and taken."offset" = event."offset";

analyze pg_temp.posting_event;
