-- Purpose: the role of the ledger's API: it reads and posts; it changes and deletes nothing.
-- Grain:   none.
-- Sources: the schemas ledger, and billing and usage_vault where they exist.
--
-- Run it as the owner of these schemas, once the migrations are applied, and again after later ones; a person with
-- CREATEROLE gives the role its login: alter role ledger_api login password '...'.

do $$
begin
    if not exists (select from pg_roles where rolname = 'ledger_api') then
        create role ledger_api nologin;
    end if;
end
$$;

grant usage on schema ledger to ledger_api;
-- The totals are read; the ledger's own tables, such as the closed months, are kept by its triggers, which run as their
-- owner. What earlier versions of this file granted and nothing needs is taken back.
grant select on
ledger.currency, ledger.account, ledger.transaction, ledger.entry, ledger.account_total
to ledger_api;
revoke select on ledger.closed_month, ledger.account_balance, ledger.trial_balance from ledger_api;
grant insert on ledger.transaction, ledger.entry to ledger_api;

do $$
begin
    if to_regclass('billing.invoices') is not null then
        grant usage on schema billing to ledger_api;
        grant select on billing.invoices, billing.invoice_lines to ledger_api;
    end if;
    if to_regclass('usage_vault.tier') is not null then
        grant usage on schema usage_vault to ledger_api;
        grant select on all tables in schema usage_vault to ledger_api;
        grant insert on usage_vault.tier to ledger_api;
    end if;
end
$$;
