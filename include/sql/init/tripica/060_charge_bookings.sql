-- Purpose: how each charge was booked: the amount of each posting line (specification, section 14.2).
-- Grain:   distinct rows of charge, posting line as shown, and tax row.
-- Sources: data_charges, data_sap_bookings, base_data_vat_aggregate_sign, tax_amounts_per_tax_aggregate,
--          base_data_vat_links.
-- Order:   by charge, then all columns, null last, text in byte order: line_no numbers the lines of the whole table.

drop table if exists report_oibl.oibl_charge_bookings;
create unlogged table report_oibl.oibl_charge_bookings as
with formula as (
    -- Formula groups: what an amount formula carries.
    select
        name,
        formula_group
    from (
        values
        ('ac.TaxIncludedAmount', 'GROSS'),
        ('TaxIncludedAmount', 'GROSS'),
        -- Net without energy tax.
        ('TaxExcludedAmount - energyTax.Amount', 'NETX'),
        ('VATExcludedAmount - GASTAX', 'NETX'),
        ('VATExcludedAmount - ELECTRICITYTAX', 'NETX'),
        ('TaxIncludedAmount - VAT - ENERGYTAX', 'NETX'),
        ('TaxIncludedAmount - VAT - ELECTRICITYTAX', 'NETX'),
        ('TaxIncludedAmount - VAT - GASTAX', 'NETX'),
        ('VATExcludedAmount', 'NET'),
        ('TaxIncludedAmount - VAT', 'NET'),
        ('energyTax.Amount', 'EN'),
        ('GASTAX', 'EN'),
        ('ELECTRICITYTAX', 'EN'),
        ('vat.Amount', 'VAT'),
        ('VAT', 'VAT')
    ) as known (name, formula_group)
),

posting as (
    select
        charge.charge_row,
        booking.booking_created,
        booking.budat,
        booking.aufnr,
        booking.mwskz,
        booking.newbs,
        booking.newko,
        booking.xblnr,
        booking.amount_calculation,
        formula.formula_group,
        tax.tax_ouid,
        -- N, G, E, V of the amount rules: null is read as zero; the signs stay null.
        coalesce(charge.taxexcludedamount, 0) as net,
        coalesce(charge.taxincludedamount, 0) as gross,
        coalesce(charge.energytaxamount, 0) as energy_tax,
        coalesce(charge.taxamount, 0) as vat,
        sign.total_sign_taxexcludedamount as sign_net,
        sign.total_sign_taxincludedamount as sign_gross,
        sign.tax_total_aggregate_sign as sign_vat,
        tax.taxamount as tax_row_amount,
        tax.tax_total_sign_via_tax_aggregate as sign_tax_aggregate,
        charge.datetimecreate,
        charge.is_discount,
        charge.is_manual_bonus,
        charge.is_subscription,
        charge.is_epilot,
        charge.is_cancellation_axis,
        charge.is_write_off_axis
    from report_oibl.data_charges as charge
    inner join report_oibl.data_sap_bookings as booking on charge.aggregateid = booking.aggregate_id
    left join report_oibl.base_data_vat_aggregate_sign as sign on charge.aggregateid = sign.aggregateid
    left join formula on booking.amount_calculation = formula.name
    left join report_oibl.base_data_vat_links as vat_link on charge.applied_billing_charge_ouid = vat_link.charge_ouid
    left join report_oibl.tax_amounts_per_tax_aggregate as tax
        on
            booking.tax_aggregate_ouid = tax.tax_aggregate_ouid
            and charge.applied_billing_charge_ouid = tax.charge_ouid
            and tax.taxamount is not null
    where
        charge.aggregateid <> ''
        -- A VAT line of one tax rate belongs to the charges of that rate only.
        and (
            booking.tax_aggregate_ouid is null
            or vat_link.charge_ouid is null
            or formula.formula_group is distinct from 'VAT'
            or booking.tax_aggregate_ouid = any(vat_link.tax_aggregate_ouids)
        )
),

-- Amount rules R01 to R24, the first that matches. In some windows of time the journal labelled the gross and net lines
-- of discounts, bonuses and cancelled bills the wrong way round; VAT used to be summed absolutely; links to tax
-- aggregates came later. A comparison with a missing booking day is not fulfilled. Days outside all windows, such as
-- 2020-11-12, follow the general rules (oddity D20, kept).
valued as (
    select
        posting.*,
        case
            -- R01, R02: discounts, labels swapped.
            when
                is_discount and formula_group = 'GROSS'
                and booking_created > '2021-06-06' and booking_created < '2023-01-18'
                then net * sign_net
            when
                is_discount and formula_group = 'NETX'
                and booking_created > '2021-06-06' and booking_created < '2023-01-18'
                then gross * sign_gross
            -- R03, R04: discounts before that, unless cancelled.
            when
                is_discount and not is_cancellation_axis and formula_group = 'GROSS'
                and booking_created < '2023-01-18'
                then net * sign_net
            when
                is_discount and not is_cancellation_axis and formula_group = 'NETX'
                and booking_created < '2023-01-18'
                then gross * sign_gross
            -- R05: bonuses of early November 2020, on accounts 4...
            when
                is_manual_bonus and not is_cancellation_axis and newko like '4%' and formula_group = 'GROSS'
                and booking_created > '2020-11-01' and booking_created < '2020-11-12'
                then net * sign_net
            -- R06, R07: bonuses, labels swapped.
            when
                is_manual_bonus and not is_cancellation_axis and formula_group = 'GROSS'
                and booking_created > '2020-11-12' and booking_created < '2023-01-13'
                then net * sign_net
            when
                is_manual_bonus and not is_cancellation_axis
                and (formula_group = 'NETX' or amount_calculation = 'VATExcludedAmount')
                and booking_created > '2020-11-12' and booking_created < '2023-01-13'
                then gross * sign_gross
            -- R08: write-offs on accounts 5..., whatever the formula.
            when is_write_off_axis and newko like '5%' and booking_created < '2023-01-02' then net * sign_net
            -- R09, R10: gross lines of cancelled bills.
            when
                formula_group = 'GROSS' and booking_created < '2021-06-08'
                and is_cancellation_axis and is_subscription
                then net * sign_net - energy_tax * sign_vat
            -- R11: net lines of cancelled bills.
            when
                formula_group = 'NETX' and booking_created < '2021-06-08'
                and is_cancellation_axis and is_subscription
                then gross * sign_gross
            -- R12, R13: EPILOT; signed by the VAT where there is any.
            when is_epilot and formula_group = 'GROSS' then gross * case when vat <> 0 then sign_vat else 1 end
            when is_epilot and formula_group = 'NETX' then net * case when vat <> 0 then sign_vat else 1 end
            -- R14, R17: gross.
            when formula_group = 'GROSS' then gross * sign_gross
            -- R15: net without energy tax.
            when formula_group = 'NETX' then net * sign_net - energy_tax * sign_vat
            -- R16: net.
            when formula_group = 'NET' then net * sign_net
            -- R18: energy tax by the tax aggregate; the whole of it for each joined tax row (oddity D13, kept).
            when formula_group = 'EN' and tax_ouid is not null then energy_tax * sign_tax_aggregate
            -- R19: energy tax without tax aggregate.
            when formula_group = 'EN' then abs(energy_tax)
            -- R20: VAT of charges created before 2021-10-09.
            when formula_group = 'VAT' and datetimecreate < '2021-10-09' then abs(vat)
            -- R21: VAT by the tax aggregate: the tax row's own amount.
            when formula_group = 'VAT' and tax_ouid is not null then tax_row_amount * sign_tax_aggregate
            -- R22, R23: VAT without tax aggregate.
            when formula_group = 'VAT' and booking_created < '2024-01-04' then abs(vat)
            when formula_group = 'VAT' then vat * sign_vat
            -- R24: any other formula, or none (oddity D12, kept: an audit counts them).
            else 0
        end::numeric(20, 2) as amount
    from posting
),

-- Equal lines are shown once (oddity D13, kept).
line as (
    select distinct
        charge_row,
        booking_created,
        budat,
        xblnr collate "C" as xblnr,
        coalesce(newko, 'tax code: ' || mwskz) collate "C" as mainledger_account,
        amount_calculation collate "C" as amount_calculation,
        tax_ouid,
        -- Posting key 40 is debit, 50 is credit.
        case when newbs = '40' then amount end as debit_amount,
        case when newbs = '50' then amount end as credit_amount,
        aufnr collate "C" as aufnr,
        mwskz collate "C" as mwskz
    from valued
    order by
        charge_row,
        booking_created,
        budat,
        xblnr,
        mainledger_account,
        amount_calculation,
        tax_ouid,
        debit_amount,
        credit_amount,
        aufnr,
        mwskz
)

select
    line.*,
    row_number() over (order by charge_row) as line_no
from line;

-- The columns that later scripts select and join by.
analyze report_oibl.oibl_charge_bookings (charge_row, amount_calculation, debit_amount);
