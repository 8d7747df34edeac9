-- Purpose: the candidate of the published bookings: data_sap_bookings in a total order.
-- Grain:   as data_sap_bookings; equal rows are meaningful and stay.
-- Sources: data_sap_bookings.
-- Order:   posting day, document, account, posting key, aggregate, formula, tax aggregate, then the other columns; text
--          in byte order, null last. The order is the table's physical order. Columns with one value do not sort.

drop table if exists report_oibl.new_bookkeeper_results;
create table report_oibl.new_bookkeeper_results as
select *
from report_oibl.data_sap_bookings
order by
    budat,
    xblnr collate "C",
    newko collate "C",
    newbs,
    aggregate_id collate "C",
    amount_calculation collate "C",
    tax_aggregate_ouid,
    booking_created,
    beldat,
    aufnr collate "C",
    gsber collate "C",
    mwskz collate "C",
    wrbed_aggregate collate "C",
    wrbed_total collate "C",
    xstba;

analyze report_oibl.new_bookkeeper_results;
