-- fail: the list is not empty
-- Purpose: result check V15.
-- Grain: one row, if there is no row.
-- Sources: report_oibl.new_tripica_results.
select 'the list has no row' as reason
where not exists (select from report_oibl.new_tripica_results)
