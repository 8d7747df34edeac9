-- Purpose: claims that were given up, by orders of the kind "charges cancellation" (specification, section 9).
-- Grain:   one row per charge number: its latest order.
-- Sources: datalake_vault.product, order_item, product_order, note.

drop table if exists report_oibl.base_data_write_offs;
create unlogged table report_oibl.base_data_write_offs as
with piece as (
    select
        product.ouid as product_ouid,
        product.orderdate,
        product.characteristics ->> 'CANCELLATION_REASON' as write_off_reason,
        note.text as write_off_note,
        note.ouid as note_ouid,
        part.text
    from datalake_vault.product as product
    inner join datalake_vault.order_item as order_item on product.ouid = order_item.product_ouid
    inner join datalake_vault.product_order as product_order on order_item.productorderouid = product_order.ouid
    left join datalake_vault.note as note on product_order.ouid = note.productorderouid
    cross join lateral unnest(string_to_array(product.characteristics ->> 'CHARGES_OUIDS', ',')) as part (text)
    where product.name like '%ACTCHARGESCANCELLATION%' and product_order.state = 'COMPLETED'
),

numbered as (
    -- A piece is a charge number if it is digits, with one blank before or after at most. Any other piece, also one
    -- beyond bigint, is skipped (defect D6: it used to abort the run).
    select
        piece.*,
        case
            when piece.text ~ '^([ \t\n\v\f\r]?[0-9]+|[0-9]+[ \t\n\v\f\r])$'
                then case when piece.text::numeric <= 9223372036854775807 then piece.text::bigint end
        end as charge_ouid
    from piece
)

-- The latest order wins; no order date counts as latest; then the newest note (section 17).
select distinct on (charge_ouid)
    (orderdate at time zone 'Europe/Berlin')::date as write_off_date,
    write_off_reason,
    write_off_note,
    charge_ouid
from numbered
where charge_ouid is not null
order by
    charge_ouid asc, orderdate desc nulls first, note_ouid desc nulls last, product_ouid desc, write_off_note asc;

analyze report_oibl.base_data_write_offs;
