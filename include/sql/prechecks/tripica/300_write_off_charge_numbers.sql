-- warn: the charge numbers of a completed write-off order are numbers of existing charges
-- Purpose: source check P11: a piece that is no number is skipped (decision D6: skip and report, the run goes on), so
--     the charge that was meant is shown without its write-off.
-- Grain: one row per piece of the list CHARGES_OUIDS.
select
    product.ouid as product,
    piece.place,
    piece.charge_number,
    case when piece.charge_number ~ '^[0-9]{1,18}$' then 'no such charge' else 'not a number' end as reason
from datalake_vault.product
cross join
    lateral (
        select
            trim(listed.charge_number) as charge_number,
            listed.place
        from unnest(string_to_array(product.characteristics ->> 'CHARGES_OUIDS', ','))
            with ordinality as listed (charge_number, place)
    ) as piece
where
    product.name like '%ACTCHARGESCANCELLATION%'
    and exists (
        select from datalake_vault.order_item
        inner join datalake_vault.product_order on order_item.productorderouid = product_order.ouid
        where product.ouid = order_item.product_ouid and product_order.state = 'COMPLETED'
    )
    and (
        piece.charge_number !~ '^[0-9]{1,18}$'
        or not exists (
            select from datalake_vault.applied_billing_charge
            where
                applied_billing_charge.ouid
                = case when piece.charge_number ~ '^[0-9]{1,18}$' then piece.charge_number::bigint end
        )
    )
order by product, piece.place
