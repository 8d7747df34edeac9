-- warn: a write-off order has one note, and a charge one latest write-off
-- Purpose: source check P13: with several notes or equal order instants the tie-break of section 17 decides.
-- Grain: one row per order or charge number and reason.
with write_off as (
    select
        order_item.productorderouid,
        product.orderdate,
        string_to_array(product.characteristics ->> 'CHARGES_OUIDS', ',') as charge_numbers
    from datalake_vault.product
    inner join datalake_vault.order_item on product.ouid = order_item.product_ouid
    inner join datalake_vault.product_order on order_item.productorderouid = product_order.ouid
    where product.name like '%ACTCHARGESCANCELLATION%' and product_order.state = 'COMPLETED'
)

select
    'order ' || note.productorderouid as key,
    'several notes' as reason
from datalake_vault.note
where note.productorderouid in (select write_off.productorderouid from write_off)
group by note.productorderouid
having count(*) > 1

union all

select
    'charge ' || charge_number as key,
    'several latest write-offs' as reason
from (
    select
        trim(listed.charge_number) as charge_number,
        rank() over (partition by trim(listed.charge_number) order by write_off.orderdate desc nulls first) as age
    from write_off
    cross join unnest(write_off.charge_numbers) as listed (charge_number)
) as ranked
where age = 1 and charge_number <> ''
group by charge_number
having count(*) > 1
order by key, reason
