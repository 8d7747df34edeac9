-- fail: every posting line of every posted payment balance is in the list once, with its amount
-- Purpose: control totals by two routes: balances of the vault times the lines of their aggregate, and the list.
--     Several logins or master accounts of an account multiply rows (defect D2, kept), so they multiply here too.
-- Grain: one row per aggregate whose rows or sums differ. Amounts in euros.
-- Sources: datalake_vault.billing_account_balance, billing_account, billing_account_relationship, login;
--     report_oibl.data_sap_bookings, new_tripica_results.
with relationship as (
    select
        contract.name,
        count(*) as relationships
    from datalake_vault.billing_account_relationship
    inner join datalake_vault.billing_account as contract
        on billing_account_relationship.billingaccountouid = contract.ouid
    inner join datalake_vault.billing_account as master
        on billing_account_relationship.targetbillingaccountouid = master.ouid
    group by contract.name
),

customer_login as (
    select
        customerouid,
        count(*) as logins
    from datalake_vault.login
    group by customerouid
),

balance as (
    select
        billing_account_balance.aggregateid,
        sum(coalesce(relationship.relationships, 1) * coalesce(customer_login.logins, 1)) as rows,
        sum(
            abs(billing_account_balance.amount)
            * coalesce(relationship.relationships, 1) * coalesce(customer_login.logins, 1)
        ) / 100.0 as amount
    from datalake_vault.billing_account_balance
    left join datalake_vault.billing_account on billing_account_balance.billingaccountouid = billing_account.ouid
    left join relationship on billing_account.name = relationship.name
    left join customer_login on billing_account.customerouid = customer_login.customerouid
    where
        billing_account_balance.aggregateid <> ''
        -- The cut-off of balances is by creation.
        and billing_account_balance.datetimecreate >= timestamp '2019-07-31 00:00:00' at time zone 'Europe/Berlin'
    group by billing_account_balance.aggregateid
),

line as (
    select
        aggregate_id,
        count(*) as lines
    from report_oibl.data_sap_bookings
    where aggregate_id in (select balance.aggregateid from balance)
    group by aggregate_id
),

vault as (
    select
        balance.aggregateid as aggregate_id,
        balance.rows * line.lines as rows,
        balance.amount * line.lines as amount
    from balance
    inner join line on balance.aggregateid = line.aggregate_id
),

list as (
    select
        aggregate_id,
        count(*) as rows,
        sum(amount_gross) as amount
    from report_oibl.new_tripica_results
    where billing_account_balance_ouid <> ''
    group by aggregate_id
)

select
    coalesce(vault.aggregate_id, list.aggregate_id) as aggregate_id,
    vault.rows as vault_rows,
    list.rows as list_rows,
    vault.amount as vault_amount,
    list.amount as list_amount
from vault
full join list on vault.aggregate_id = list.aggregate_id
where vault.rows is distinct from list.rows or vault.amount is distinct from list.amount
order by aggregate_id
