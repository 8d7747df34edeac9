-- Purpose: bill numbers of bills made by hand for manual consumption (specification, section 10.2).
-- Grain:   one row per transaction with a charge for manual consumption whose product names a bill.
-- Sources: base_data_noted_charges, datalake_vault.product.

drop table if exists report_oibl.base_data_manual_bill_ids;
create unlogged table report_oibl.base_data_manual_bill_ids as
-- Same account, name and period, ordered in the clock hour in which the charge was made. Of several products the one
-- with the lowest number (section 17).
select distinct on (noted.transactionid)
    noted.transactionid,
    product.characteristics ->> 'billId' as bill_id
from report_oibl.base_data_noted_charges as noted
inner join datalake_vault.product as product
    on
        noted.billingaccountouid = product.billingaccountouid
        and noted.productname = product.name
        and noted.startdatetime = product.startdatetime
        and noted.enddatetime = product.enddatetime
        and date_trunc('hour', noted.datetimecreate at time zone 'UTC')
        = date_trunc('hour', product.orderdate at time zone 'UTC')
where
    noted.is_manual_consumption
    and noted.transactionid is not null
    and product.characteristics ->> 'billId' is not null
order by noted.transactionid, product.ouid, product.characteristics ->> 'billId';

analyze report_oibl.base_data_manual_bill_ids;
