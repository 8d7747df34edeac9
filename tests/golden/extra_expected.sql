-- Purpose: the expected rows of the sample, changed by hand for the scenarios of extra_vault.sql (temporary table
--          "expected", text columns).

-- X06: the axis is shown, the item stays.
update expected set analyticaxis = 'x.special' where transaction_id = 'xa5-3037-000001';

-- X08: VAT lines carry zero; net lines keep their energy tax, because a sum of zero is not negative.
update expected set amount_vat = '0.00' where transaction_id = 'xa5-3436-000228';
update expected set booking_debit_amount = '0.00'
where
    transaction_id = 'xa5-3436-000228' and booking_amount_indicator in ('VAT', 'vat.Amount')
    and booking_debit_amount is not null;
update expected set booking_credit_amount = '0.00'
where
    transaction_id = 'xa5-3436-000228' and booking_amount_indicator in ('VAT', 'vat.Amount')
    and booking_credit_amount is not null;

-- X10: nobody's payment.
update expected set cba = null, mba = null, customer_id = null, migration_flag = null
where transaction_id = 'xa5-3841-000293' and glid = 'PAYMENT_TRANSACTION';

-- X12: other day and account, amounts as before.
update expected set booking_created_at = '2020-11-05' where booking_reference_document_number = 'BR_TRPC-012019';
update expected set booking_mainledger_account = '41990000'
where booking_reference_document_number = 'BR_TRPC-012019' and booking_mainledger_account = '10000049';

-- X13: net times the sign of the net (-1), without energy tax.
update expected set
    booking_amount_indicator = 'VATExcludedAmount',
    booking_credit_amount = case amount_net when '10.08' then '-10.08' when '-10.48' then '10.48' end
where booking_reference_document_number = 'BR_TRPC-012037' and booking_mainledger_account = '80120040';

-- X15: the text in place of the account; the line twice.
update expected set booking_mainledger_account = 'tax code: /'
where booking_reference_document_number = 'BR_TRPC-012085' and booking_mainledger_account = '14000000';
insert into expected
select * from expected
where booking_reference_document_number = 'BR_TRPC-012085' and booking_mainledger_account = '18100010';

-- X16: no text for payments of the allocation service.
update expected set booking_mainledger_account = null
where booking_reference_document_number = 'BR_PAS-012101' and booking_mainledger_account = '14000000';

-- X17: shown without sign.
update expected set booking_amount_indicator = 'VATExcludedAmount - ELECTRICITYTAX', booking_debit_amount = '1.00'
where booking_reference_document_number = 'BR_TRPC-012077' and booking_amount_indicator = 'TaxIncludedAmount'
and glid = '' and aggregate_id = '';

-- X18: gas keeps its sign.
insert into expected
select * from expected
where
    booking_reference_document_number = 'BR_TRPC-012053'
    and booking_amount_indicator = 'VATExcludedAmount - ELECTRICITYTAX' and glid <> '';
update expected set booking_amount_indicator = 'VATExcludedAmount - GASTAX', booking_debit_amount = '-20.00'
where ctid = (
    select max(ctid) from expected
    where
        booking_reference_document_number = 'BR_TRPC-012053'
        and booking_amount_indicator = 'VATExcludedAmount - ELECTRICITYTAX' and glid <> ''
);
