-- warn: every tax code of an exported tax line has a VAT account, for clients that map tax codes
-- Purpose: source check P9: without an account the list shows the text "tax code: ..". The check is an audit because
--     the client's VAT accounts are data that init's client scripts write; before the run there are none.
--     It warns: the list is defined for this case (section 14.4), and the sample has it. A client that wants to stop
--     raises it in its configuration.
-- Grain: one row per tax code. Clients without any VAT account are not checked (section 5.2).
-- Sources: report_oibl.base_data_bbtax, client_data_vat_booking_accounts.
select
    base_data_bbtax.mwskz as tax_code,
    count(*) as tax_lines,
    min(base_data_bbtax.xblnr) as example
from report_oibl.base_data_bbtax
where
    base_data_bbtax.newko is null
    and exists (select from report_oibl.client_data_vat_booking_accounts)
group by base_data_bbtax.mwskz
order by tax_code
