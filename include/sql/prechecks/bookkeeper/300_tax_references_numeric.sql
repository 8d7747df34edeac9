-- warn: the tax reference of a posting line is the number of a tax aggregate
-- Purpose: source check P11: a reference that is no bigint is skipped (decision D6: skip and report, the run goes on),
--     so its VAT and energy tax lines find no tax row.
-- Grain: one row per reference that is no number.
select
    uuid as transaction_item_tax,
    external_reference as reference
from bookkeeper_vault.transaction_item_taxes
where
    external_reference !~ '^[0-9]{1,19}$'
    or length(external_reference) = 19 and external_reference > '9223372036854775807'
order by uuid
