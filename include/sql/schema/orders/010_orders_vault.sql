-- Purpose: what the orders' feed takes from its topic: each message once, in one of three ways.
-- Grain:   one row per message; one row per partition in consumed_offset; one row per event to be posted.
-- Sources: the topic of the client's orders.
-- Needs:   ledger.
--
-- The feed's intake writes order_event, rejected_event and consumed_offset in one transaction. It need not touch
-- pending_event: a trigger adds each new event, the posting scripts (feeds/orders) take them out in their transaction.

create schema if not exists orders_vault;

-- payload: the event as it came, valid as the specification's section on orders says. jsonb keeps numbers exactly; of a
-- key that comes twice it keeps the last. A second event_id is not inserted: on conflict (event_id) do nothing, and
-- its payload is compared as jsonb with the first one's.
create table orders_vault.order_event (
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    event_id text not null unique,
    event_type text not null check (
        event_type in ('order_placed', 'order_cancelled', 'payment_received', 'payment_failed')
    ),
    order_id text not null,
    occurred_at timestamptz not null,
    payload jsonb not null,
    received_at timestamptz not null default now(),
    primary key (topic, partition, "offset")
);
create index order_event_order on orders_vault.order_event (order_id);

-- raw: the message's bytes; of an event that is rejected while it is posted, its payload as text. The same message
-- may be refused once only.
create table orders_vault.rejected_event (
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    raw bytea,
    reason text not null,
    received_at timestamptz not null default now(),
    primary key (topic, partition, "offset")
);
create index rejected_event_received on orders_vault.rejected_event (received_at);

-- next_offset: the first offset that was not taken yet.
create table orders_vault.consumed_offset (
    topic text not null,
    partition integer not null,
    next_offset bigint not null check (next_offset >= 0),
    primary key (topic, partition)
);

-- Events that are taken and not posted yet.
create table orders_vault.pending_event (
    topic text not null,
    partition integer not null,
    "offset" bigint not null
);

create function orders_vault.add_pending_events() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into orders_vault.pending_event (topic, partition, "offset")
    select topic, partition, "offset" from new_events;
    return null;
end
$$;

create trigger pending after insert on orders_vault.order_event referencing new table as new_events
for each statement execute function orders_vault.add_pending_events();
