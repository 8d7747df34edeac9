"""From folders of SQL to ordered scripts and checks, and how one of them runs on a connection. Knows no Airflow."""

from billing_aggregator.sql.checks import Check, CheckError, CheckResult, parse_check, run_check
from billing_aggregator.sql.queries import find_queries
from billing_aggregator.sql.report_schema import REPORT_SCHEMA, results_table
from billing_aggregator.sql.runner import StatementError, run_script
from billing_aggregator.sql.scripts import Script, find_scripts, stages
from billing_aggregator.sql.statements import split_statements

__all__ = [
    "REPORT_SCHEMA",
    "Check",
    "CheckError",
    "CheckResult",
    "Script",
    "StatementError",
    "find_queries",
    "find_scripts",
    "parse_check",
    "results_table",
    "run_check",
    "run_script",
    "split_statements",
    "stages",
]
