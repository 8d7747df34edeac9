-- Purpose: folds the totals that the day's postings have added, so that balances stay cheap: the sums stay.
-- Grain:   none.
-- Sources: ledger.account_total.
--
-- Postings go on meanwhile: they only add rows.

delete from ledger.account_total
where (account_id, currency, business_date) in (
        select
            account_id,
            currency,
            business_date
        from ledger.account_total
        group by account_id, currency, business_date
        having count(*) > 1
    );
