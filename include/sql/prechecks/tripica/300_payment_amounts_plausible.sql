-- warn: amounts of payment allocation are present and look like euros, not cents
-- Purpose: source check P17, defect D17: the list shows these amounts as they are, without dividing by 100.
-- Grain: one row per payment without amount; one row if the median payment is above 5,000 euros.
select
    id::text as payment,
    'amount is missing' as reason
from paymentallocation_vault.payments
where amount is null

union all

select
    'median of all payments: ' || percentile_disc(0.5) within group (order by abs(amount)) as payment,
    'the amounts look like cents' as reason
from paymentallocation_vault.payments
having percentile_disc(0.5) within group (order by abs(amount)) > 5000
order by reason, payment
