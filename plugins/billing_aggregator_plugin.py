"""Registers with Airflow what has to be known outside of the DAGs' own processes."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from billing_aggregator.operators.links import S3PrefixLink


class BillingAggregatorPlugin(AirflowPlugin):
    """The link classes of the export operators."""

    name = "billing_aggregator"
    operator_extra_links = [S3PrefixLink()]  # noqa: RUF012 - Airflow's own form
