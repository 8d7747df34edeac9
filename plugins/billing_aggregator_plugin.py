"""Registers with Airflow what has to be known outside of the DAGs' own processes."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from billing_aggregator.operators.links import S3PrefixLink
from billing_aggregator.ui import plugin as page


class BillingAggregatorPlugin(AirflowPlugin):
    """The link classes of the export operators, and the page of publications."""

    name = "billing_aggregator"
    operator_extra_links = [S3PrefixLink()]  # noqa: RUF012 - Airflow's own form
    fastapi_apps = page.fastapi_apps()
    external_views = page.external_views()
