-- fail: there are dunning cases
-- needs: receivablemanagement_vault.case_receivables
-- Purpose: source check P2, decision D9: without any case the list shows neither dunning nor dunning locks.
-- Grain: one row, if there is no case.
select
    'receivablemanagement_vault.case_receivables' as table_name,
    'the table is empty: dunning locks vanish from the list too' as reason
where not exists (select from receivablemanagement_vault.case_receivables)
