-- Purpose: folds the totals that the day's postings have added, so that balances stay cheap: the sums stay.
-- Grain:   none.
-- Sources: ledger.account_total.
--
-- Postings go on meanwhile: they only add rows.

select ledger.fold_totals();
