"""Runs of one client: the same DAG and run id in two deployments."""

from __future__ import annotations

from billing_aggregator.runs.identity import Run

FIRST = Run("enercity", "prod", "airflow-old:8080#00aa", "billing", "scheduled__2026-11-20T02:00:00+00:00")
# The same DAG and run id in another Airflow, like a parallel run during a migration.
SECOND = Run("enercity", "prod", "airflow-new:8080#11bb", "billing", "scheduled__2026-11-20T02:00:00+00:00")
