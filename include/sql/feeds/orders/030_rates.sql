-- Purpose: taxes, totals and exchange rates of the orders, and the numbers of those that have them all.
-- Grain:   posting_tax_rate: one row per region, class and day; else as posting_invoice.
-- Sources: posting_invoice, posting_line; billing.tax_rate, fx_rate; billing.invoice_counter.
-- Settings: none.

-- Rule 3: the rate that is valid at the order's business day; where several are, the youngest one.
with wanted as materialized (
    select distinct
        invoice.tax_region,
        invoice.business_date,
        line.tax_class
    from pg_temp.posting_line as line
    inner join pg_temp.posting_invoice as invoice on line.order_id = invoice.order_id
)

insert into pg_temp.posting_tax_rate (tax_region, business_date, tax_class, rate)
select
    wanted.tax_region,
    wanted.business_date,
    wanted.tax_class,
    (
        select tax_rate.rate
        from billing.tax_rate
        where
            wanted.tax_region = tax_rate.tax_region
            and wanted.tax_class = tax_rate.tax_class
            and wanted.business_date >= tax_rate.valid_from
            and (wanted.business_date < tax_rate.valid_to or tax_rate.valid_to is null)
            and tax_rate.rate between 0 and 999.999999
        order by tax_rate.valid_from desc
        limit 1
    ) as rate
from wanted;

analyze pg_temp.posting_tax_rate;

-- Rule 4: the newest exchange rate on or before the business day, at most 7 days old.
with wanted as materialized (
    select distinct
        currency,
        base_currency,
        business_date
    from pg_temp.posting_invoice
),

valid as (
    select
        wanted.*,
        case
            when wanted.currency = wanted.base_currency then 1
            else (
                select fx_rate.rate
                from billing.fx_rate
                where
                    wanted.currency = fx_rate.currency
                    and wanted.base_currency = fx_rate.base_currency
                    and fx_rate.day between wanted.business_date - 7 and wanted.business_date
                    and fx_rate.rate > 0 and fx_rate.rate < 'NaN'
                order by fx_rate.day desc
                limit 1
            )
        end as rate
    from wanted
),

-- Rule 2: tax by rate, from the sum of its nets, rounded once (EN 16931, BR-CO-17).
by_rate as (
    select
        line.order_id,
        invoice.minor_units,
        tax_rate.rate,
        sum(line.net) as net
    from pg_temp.posting_line as line
    inner join pg_temp.posting_invoice as invoice on line.order_id = invoice.order_id
    inner join pg_temp.posting_tax_rate as tax_rate
        on
            invoice.tax_region = tax_rate.tax_region
            and invoice.business_date = tax_rate.business_date
            and line.tax_class = tax_rate.tax_class
    group by line.order_id, invoice.minor_units, tax_rate.rate
),

taxes as (
    select
        order_id,
        sum(round(net * rate, minor_units)) as tax,
        bool_or(rate is null) as lacks_rate
    from by_rate
    group by order_id
),

calculated as materialized (
    select
        invoice.order_id,
        invoice.invoice_id,
        invoice.origin,
        invoice.business_date,
        invoice.occurred_at,
        invoice.partition,
        invoice."offset",
        valid.rate as fx_rate,
        taxes.tax,
        invoice.subtotal + taxes.tax as total,
        round((invoice.subtotal + taxes.tax) * valid.rate, invoice.base_minor_units) as base_total,
        not taxes.lacks_rate and valid.rate is not null
        -- What no entry can hold stays on hold.
        and invoice.subtotal + taxes.tax < 1e14
        and (invoice.subtotal + taxes.tax) * valid.rate < 99999999999999 as complete
    from pg_temp.posting_invoice as invoice
    inner join taxes on invoice.order_id = taxes.order_id
    inner join valid
        on
            invoice.currency = valid.currency
            and invoice.base_currency = valid.base_currency
            and invoice.business_date = valid.business_date
    where invoice.origin = 'new' or (not taxes.lacks_rate and valid.rate is not null)
),

-- Rule 6: numbers are gapless in each year, and rise in the order of posting.
placed as materialized (
    select
        calculated.*,
        extract(year from calculated.business_date)::integer as year,
        row_number() over (
            partition by calculated.complete, extract(year from calculated.business_date)
            order by calculated.occurred_at, calculated.invoice_id, calculated.partition, calculated."offset"
        ) as place
    from calculated
),

counted as (
    insert into billing.invoice_counter as counter (year, last_number)
    select
        placed.year,
        count(*) as last_number
    from placed
    where placed.complete
    group by placed.year
    on conflict (year) do update set last_number = counter.last_number + excluded.last_number
    returning counter.year, counter.last_number
),

-- The last number of each year before this batch.
begun as materialized (
    select
        counted.year,
        counted.last_number - count(*) as last_number
    from counted
    inner join placed on counted.year = placed.year
    where placed.complete
    group by counted.year, counted.last_number
),

-- New invoices have their ids in the order in which they were placed. Nothing of the batch is joined with itself: the
-- planner takes a part of a statement for a few rows, and would compare each with each.
identified as materialized (
    select
        ordered.*,
        case when ordered.origin = 'new' then nextval(pg_get_serial_sequence('billing.invoices', 'id')) end as new_id
    from (
        select
            placed.*,
            begun.last_number
        from placed
        left join begun on placed.year = begun.year
        order by placed.occurred_at, placed.partition, placed."offset"
    ) as ordered
)

update pg_temp.posting_invoice as invoice
set
    invoice_id = coalesce(identified.new_id, invoice.invoice_id),
    fx_rate = case when identified.complete or invoice.origin = 'new' then identified.fx_rate else invoice.fx_rate end,
    tax = case when identified.complete then identified.tax end,
    total = case when identified.complete then identified.total end,
    base_total = case when identified.complete then identified.base_total end,
    status = case when identified.complete then 'OPEN' else 'ON_HOLD' end,
    -- Rule 10: leaving the hold is a change.
    version = invoice.version + case when identified.complete and invoice.origin = 'held' then 1 else 0 end,
    invoice_number = case
        when identified.complete
            then
                to_char(identified.year, 'FM999990000') || '-'
                || to_char(identified.last_number + identified.place, 'FM00000000')
    end
from identified
where invoice.order_id = identified.order_id;

analyze pg_temp.posting_invoice;
