-- fail: every tax line of the four kinds of documents is in the list, and no other
-- Purpose: control by two routes: tax lines of the journal, and the list (sections 6.2 and 14.4).
-- Grain: one row per document and aggregate.
-- Sources: report_oibl.base_data_bbtax, base_data_bbkpf, new_tripica_results; datalake_vault.applied_billing_charge.
with line as (
    select
        bbtax.xblnr as document_number,
        -- A tax line without charge is shown without aggregate id (14.4): compare documents only.
        count(*) as lines
    from report_oibl.base_data_bbtax as bbtax
    where
        bbtax.xblnr like any(array['BR_TRPC%', 'BR_REBK%', 'BR_CANC%', 'BR_MAN%'])
        and bbtax.xblnr in (select bbkpf.xbelnr from report_oibl.base_data_bbkpf as bbkpf)
    group by bbtax.xblnr
),

list as (
    select
        booking_reference_document_number as document_number,
        count(*) as rows
    from report_oibl.new_tripica_results
    where aggregate_id is not null and billing_account_balance_ouid = '' and tax_item_ouid = ''
    group by booking_reference_document_number
)

select
    coalesce(line.document_number, list.document_number) as document_number,
    line.lines as tax_lines,
    list.rows as list_rows,
    case when list.rows is null then 'not in the list' else 'not in the journal' end as reason
from line
full join list on line.document_number = list.document_number
where line.lines is null or list.rows is null
order by document_number
