-- fail: the client has due charge types
-- Purpose: source check P18: without them nothing is an open item. It is an audit because the types are data that
--     init's client scripts write.
-- Grain: one row, if there is no type.
-- Sources: report_oibl.client_data_due_charge_type.
select 'no due charge type' as reason
where not exists (select from report_oibl.client_data_due_charge_type)
