-- Purpose: drops what the init script of the orders left; the results and their history stay.
-- Grain:   none.
-- Sources: none.

drop table if exists report_oibl.new_orders_results;
drop table if exists report_oibl.old_orders_results;
