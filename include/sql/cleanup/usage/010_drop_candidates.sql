-- Purpose: drops what the init scripts of the usage left; the results, their history and the estimates stay.
-- Grain:   none.
-- Sources: none.

drop table if exists report_oibl.new_usage_readings;
drop table if exists report_oibl.new_usage_rows;
drop table if exists report_oibl.new_usage_amounts;
drop table if exists report_oibl.new_usage_results;
drop table if exists report_oibl.old_usage_results;
