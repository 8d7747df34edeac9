-- Purpose: drops what the init scripts of the journal left; the results, their history and the view stay.
-- Grain:   none.
-- Sources: none.

drop view if exists report_oibl.data_sap_bookings;
drop table if exists report_oibl.new_bookkeeper_results;
drop table if exists report_oibl.old_bookkeeper_results;
drop table if exists report_oibl.base_data_bbtax;
drop table if exists report_oibl.base_data_bbkpf;
drop table if exists report_oibl.base_data_journal_items;
drop table if exists report_oibl.client_data_vat_booking_accounts;
