#!/usr/bin/env bash
# Creates what the local Airflow needs in an empty PostgreSQL server: the metadata database `airflow`, the warehouse
# `octopus` with the sample vault, and the empty warehouses `webshop` and `agency`. The postgres image runs this once,
# when its data folder is empty.
#
# The server is found by the PG* variables. Needs AIRFLOW_PASSWORD, BILLING_AGGREGATOR_PASSWORD and SAMPLE, the path of
# the dump (.sql.gz).
set -euo pipefail
: "${AIRFLOW_PASSWORD:?}" "${BILLING_AGGREGATOR_PASSWORD:?}" "${SAMPLE:?}"

run_psql() {
    psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" "$@"
}

run_psql --dbname=postgres \
    --set=airflow_password="$AIRFLOW_PASSWORD" --set=aggregator_password="$BILLING_AGGREGATOR_PASSWORD" <<'SQL'
create role airflow login password :'airflow_password';
create database airflow owner airflow;
-- Reads the vaults and owns the schema that it creates; no more.
create role billing_aggregator login password :'aggregator_password';
create database octopus;
create database webshop;
create database agency;
grant create on database octopus, webshop, agency to billing_aggregator;
SQL

gunzip --stdout "$SAMPLE" | run_psql --dbname=octopus --output=/dev/null

run_psql --dbname=octopus <<'SQL'
select format('grant usage on schema %1$I to billing_aggregator', nspname),
    format('grant select on all tables in schema %1$I to billing_aggregator', nspname)
from pg_namespace where nspname like '%\_vault' order by nspname
\gexec
analyze
SQL
