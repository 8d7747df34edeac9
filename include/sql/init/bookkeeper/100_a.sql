create schema if not exists report_oibl;
