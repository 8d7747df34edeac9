-- warn: no transaction item has an empty reference
-- Purpose: source check P15: an empty aggregate id joins due charges with an empty one (defect D18) and nothing else.
-- Grain: one row per transaction item.
select
    uuid as transaction_item,
    'the reference is empty, not null' as reason
from bookkeeper_vault.transaction_items
where external_reference = ''
order by uuid
