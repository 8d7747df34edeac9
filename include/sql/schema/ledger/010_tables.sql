-- Purpose: the double-entry ledger of all systems that post: accounts, transactions and their entries.
-- Grain:   one row per currency, account, transaction, entry, closed month.
-- Sources: ISO 4217 (currencies in use and those that earlier bookings may have), and CREDIT for usage.
--
-- Money is numeric, never float. An entry has no foreign keys: 026_entries looks each up, statement by statement, and
-- accounts, currencies and transactions cannot be deleted.

create schema if not exists ledger;

create table ledger.currency (
    code text primary key check (code ~ '^[A-Z]{3,12}$'),
    minor_units smallint not null check (minor_units between 0 and 6)
);

insert into ledger.currency (code, minor_units)
select
    listed.code,
    groups.minor_units
from (
    values
    (0, 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'),
    (3, 'BHD IQD JOD KWD LYD OMR TND'),
    (4, 'CLF UYW'),
    (6, 'CREDIT'),
    (2, 'AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE'),
    (2, 'CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL'),
    (2, 'HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR'),
    (2, 'MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK'),
    (2, 'SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD'),
    (2, 'XCD XCG YER ZAR ZMW ZWG')
) as groups (minor_units, codes)
cross join unnest(string_to_array(groups.codes, ' ')) as listed (code);

-- owner: house, or a customer's id. allow_negative = false: no posting takes the balance on the normal side below zero.
create table ledger.account (
    account_id bigint generated always as identity primary key,
    owner text not null check (owner <> ''),
    code text not null check (code <> ''),
    name text not null default '',
    kind text not null check (kind in ('asset', 'liability', 'equity', 'revenue', 'expense')),
    normal_side text not null check (normal_side in ('debit', 'credit')),
    allow_negative boolean not null default true,
    metadata jsonb not null default '{}',
    unique (owner, code)
);

-- A UUID of version 7 (RFC 9562): those made later are greater, so that many rows fill an index page by page.
create function ledger.new_id() returns uuid
language sql volatile set search_path = pg_catalog, pg_temp
as $$
    select encode(
        set_bit(
            set_bit(
                overlay(
                    uuid_send(gen_random_uuid())
                    placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
                    from 1 for 6
                ),
                52, 1
            ),
            53, 1
        ),
        'hex'
    )::uuid
$$;

create table ledger.transaction (
    transaction_id uuid primary key default ledger.new_id(),
    idempotency_key text not null unique check (idempotency_key <> ''),
    kind text not null check (
        kind in (
            'invoice', 'payment', 'cancellation', 'customer_credit', 'usage_post', 'usage_correction',
            'agreement_start', 'agreement_end', 'manual', 'reversal'
        )
    ),
    business_date date not null check (isfinite(business_date)),
    occurred_at timestamptz not null default now(),
    posted_at timestamptz not null default now(),
    description text default '',
    source text not null check (source in ('orders', 'usage', 'api')),
    reverses uuid,
    metadata jsonb default '{}',
    -- The database transaction that posted it: no later one may add entries.
    posted_xact xid8 not null default pg_current_xact_id(),
    check (reverses <> transaction_id)
);

-- A transaction is reversed once.
create unique index transaction_reverses on ledger.transaction (reverses) where reverses is not null;
-- For lists by day: the archive of a business date, statements of a month.
create index transaction_business_date on ledger.transaction (business_date);

create table ledger.entry (
    transaction_id uuid not null,
    line integer not null check (line >= 1),
    account_id bigint not null,
    side text not null check (side in ('debit', 'credit')),
    -- NaN is greater than any number.
    amount numeric(20, 6) not null check (amount > 0 and amount <> 'NaN'),
    currency text not null,
    base_amount numeric(20, 6) check (base_amount >= 0 and base_amount <> 'NaN'),
    primary key (transaction_id, line)
);
-- For an account's entries in the order of posting. It covers no others: each account's rows grow at one end.
create index entry_account on ledger.entry (account_id, transaction_id, line);

create table ledger.closed_month (
    month date primary key check (isfinite(month) and extract(day from month) = 1),
    closed_at timestamptz not null default now()
);
